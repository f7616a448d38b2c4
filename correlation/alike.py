"""Alike: which other Users' traffic moved as one User's did, at the same moment."""

from collections.abc import Collection
from dataclasses import dataclass

from correlation.comparison import compare
from correlation.facts import Case, Episode
from correlation.history import History

_SHARED = 0.3
_ALONE = 0.1
_ALONE_KNOWN = 3


@dataclass(frozen=True, slots=True)
class Alike:
    """Users other than those in question, measured on the same kind of traffic."""

    known: int
    """How many have traffic enough to say."""
    users: tuple[str, ...]
    """Sorted; those that moved alike."""
    region: str | None
    """The only region in which anybody moved, where traffic of other regions is known and did not."""

    @property
    def shared(self) -> bool:
        """Whether so many moved that the cause must be a common one."""
        return len(self.users) >= max(1, min(2, self.known)) and len(self.users) >= _SHARED * self.known

    @property
    def alone(self) -> bool:
        """Whether the others demonstrably went on as usual."""
        return self.known >= _ALONE_KNOWN and len(self.users) < _ALONE * self.known


UNKNOWN = Alike(0, (), None)


def alike(episode: Episode, history: History, besides: Collection[str]) -> Alike:
    """Measures everyone but the episode's own User and `besides`, since the episode's onset."""
    case = Case("", (episode,), episode.user, episode.onset_us, episode.detected_us, episode.at_us, ())
    comparison = compare(case, history)
    if comparison is None:
        return UNKNOWN
    moved = comparison.moves.affected(up=comparison.up)
    left_out = {episode.user, *besides}
    judged = [i for i, unit in enumerate(comparison.panel.units) if comparison.moves.known[i] and unit.user not in left_out]
    units = comparison.panel.units
    users = {units[i].user for i in judged}
    affected = {units[i].user for i in judged if moved[i]}
    regions = {units[i].region for i in judged if moved[i]} | ({episode.region} if episode.region else set())
    elsewhere = {units[i].region for i in judged} - regions
    return Alike(len(users), tuple(sorted(affected)), next(iter(regions)) if len(regions) == 1 and elsewhere else None)
