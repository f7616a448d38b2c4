"""Alike: which other Users' traffic moved as one User's did, at the same moment."""

from collections.abc import Collection
from dataclasses import dataclass
from math import log

from correlation.comparison import compare
from correlation.facts import Case, Episode
from correlation.history import History

_SHARED = 0.3
_ALONE = 0.1
_ALONE_KNOWN = 3
_SIGMAS = 4.0
_LEAST_RATIO = 0.05


@dataclass(frozen=True, slots=True)
class Alike:
    """Users other than those in question, measured on the same kind of traffic."""

    known: int
    """How many have traffic enough to say."""
    users: tuple[str, ...]
    """Sorted; those that moved alike."""
    region: str | None
    """The only region in which they moved, where traffic of other regions is known and went on as usual."""
    elsewhere: bool = False
    """Whether nobody's traffic in the region itself could be measured, so that these are Users of other regions."""

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
    """Measures everyone but the episode's own User and `besides`, since the episode's onset.

    Trouble that lies in one region is compared with the others' traffic of that region, as long as there is any: that Users elsewhere are
    well says nothing against a cause in the region. Depths are not compared: every queue rises and falls with the hour, and none says what
    it should hold.
    """
    if episode.kind == "backlog":
        return UNKNOWN
    case = Case("", (episode,), episode.user, episode.onset_us, episode.detected_us, episode.at_us, ())
    comparison = compare(case, history)
    if comparison is None:
        return UNKNOWN
    moved = comparison.moves.affected(up=comparison.up)
    left_out = {episode.user, *besides}
    units = comparison.panel.units
    # Who has too little traffic to show a shift of this size says nothing by not showing it.
    telling = comparison.moves.known & (moved | (_SIGMAS * comparison.moves.scale <= _size(episode)))
    judged = [i for i, unit in enumerate(units) if telling[i] and unit.user not in left_out]
    here = [i for i in judged if episode.region is None or units[i].region in ("", episode.region)]
    near = here or judged
    users = {units[i].user for i in near}
    affected = {units[i].user for i in near if moved[i]}
    region = _confined(episode, [(units[i].region, bool(moved[i])) for i in judged])
    return Alike(len(users), tuple(sorted(affected)), region, elsewhere=not here)


def _size(episode: Episode) -> float:
    """How far the episode's own traffic moved, as a logarithm."""
    return abs(log(min(max(episode.ratio, _LEAST_RATIO), 1 / _LEAST_RATIO)))


def _confined(episode: Episode, judged: list[tuple[str, bool]]) -> str | None:
    """The episode's region, where several moved there and next to nobody elsewhere."""
    here = [moved for region, moved in judged if region == episode.region]
    elsewhere = [moved for region, moved in judged if region and region != episode.region]
    if episode.region is None or len(elsewhere) < _ALONE_KNOWN or sum(elsewhere) >= _ALONE * len(elsewhere):
        return None
    return episode.region if sum(here) >= max(2, _SHARED * len(here)) else None
