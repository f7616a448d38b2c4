"""Peer comparison: which other Users' traffic moved as one User's did, at the same moment."""

from collections.abc import Collection
from dataclasses import dataclass
from math import log

import numpy as np

from correlation.history.onset_comparison import Comparison, compare
from correlation.history.panel import Units
from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.columns import Flags

_SHARED = 0.3
_ALONE = 0.1
_ALONE_KNOWN = 3
_SIGMAS = 4.0
_LEAST_RATIO = 0.05


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """Users other than those in question, measured on the same kind of traffic."""

    known: int
    """How many have enough traffic for a result."""
    users: tuple[str, ...]
    """Sorted; those that moved alike."""
    region: str | None
    """The only region in which they moved, if traffic of other regions is known and was as usual."""
    elsewhere: bool = False
    """Whether nobody's traffic in the region itself could be measured, so that these are Users of other regions."""

    @property
    def shared(self) -> bool:
        """Whether so many moved that the cause must be a common one."""
        return len(self.users) >= max(1, min(2, self.known)) and len(self.users) >= _SHARED * self.known

    @property
    def alone(self) -> bool:
        """Whether the others were demonstrably as usual."""
        return self.known >= _ALONE_KNOWN and len(self.users) < _ALONE * self.known


UNKNOWN = PeerComparison(0, (), None)


def peer_baseline(episode: AlertSnapshot, history: History) -> Comparison | None:
    """How everyone's traffic of the episode's kind moved since its onset; None if that gives no information.

    Depths are not compared: every queue rises and falls with the hour, and has no expected value.
    """
    if episode.kind == "backlog":
        return None
    return compare(IncidentSnapshot("", (episode,), episode.user, episode.onset_us, episode.detected_us, episode.at_us, ()), history)


def compare_peers(episode: AlertSnapshot, comparison: Comparison | None, besides: Collection[str]) -> PeerComparison:
    """Who moved as the episode's User did, of everyone except that User and `besides`.

    Trouble in one region is compared with the others' traffic of that region, as long as there is any: unaffected Users elsewhere do not
    exclude a cause in the region.
    """
    if comparison is None:
        return UNKNOWN
    moved = comparison.moves.affected(up=comparison.up)
    units = comparison.panel.units
    # A User with too little traffic to show a shift of this size is no evidence if it does not show it.
    telling = comparison.moves.known & (moved | (_SIGMAS * comparison.moves.scale <= _size(episode)))
    judged = telling & ~units.of(user for user in (episode.user, *besides) if user is not None)
    here = judged & units.within(() if episode.region is None else (episode.region,))
    near = here if here.any() else judged
    region = _confined(episode, units, judged, moved)
    return PeerComparison(len(units.users(near)), units.users(near & moved), region, elsewhere=not here.any())


def _size(episode: AlertSnapshot) -> float:
    """How far the episode's own traffic moved, as a logarithm."""
    return abs(log(min(max(episode.ratio, _LEAST_RATIO), 1 / _LEAST_RATIO)))


def _confined(episode: AlertSnapshot, units: Units, judged: Flags, moved: Flags) -> str | None:
    """The episode's region, if several Users moved there and almost none elsewhere."""
    if episode.region is None:
        return None
    here, elsewhere = judged & units.only((episode.region,)), judged & ~units.within((episode.region,))
    others, moved_others = np.count_nonzero(elsewhere), np.count_nonzero(elsewhere & moved)
    if others < _ALONE_KNOWN or moved_others >= _ALONE * others:
        return None
    return episode.region if np.count_nonzero(here & moved) >= max(2, _SHARED * np.count_nonzero(here)) else None
