"""What others do to find the change behind an incident, for comparison: nearest in time, ServiceNow's tiers, Gandalf's votes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from changes.scope import scope_users
from changes.windows import window_us
from models.change import Change
from models.times import DAY_US, HOUR_US

LOOK_BACK_US, LOOK_AHEAD_US = 168 * HOUR_US, HOUR_US
"""ServiceNow's defaults; the same for all three."""


@dataclass(frozen=True, slots=True)
class Question:
    """One incident as every method is shown it: when and where it began, what was declared, what else went wrong lately."""

    onset_us: int
    user: str | None
    services: frozenset[str]
    regions: frozenset[str]
    changes: tuple[Change, ...]
    """Known when the incident was detected."""
    faults: tuple[tuple[int, str], ...]
    """(onset, User) of every alert so far, this one among them."""

    def candidates(self) -> list[Change]:
        """Changes that began within the look-back, or will within the look-ahead."""
        earliest, latest = self.onset_us - LOOK_BACK_US, self.onset_us + LOOK_AHEAD_US
        return [one for one in self.changes if one.explains and earliest <= window_us(one)[0] <= latest]


Ranker = Callable[[Question], Sequence[Change]]


def nearest(question: Question) -> Sequence[Change]:
    """The change whose start lies nearest to the onset."""
    return sorted(question.candidates(), key=lambda one: (abs(window_us(one)[0] - question.onset_us), one.change_id))


def servicenow(question: Question) -> Sequence[Change]:
    """Probable root cause: a change on the item itself, on a related one, on the shared service, anywhere; the newer of equals."""

    def tier(change: Change) -> int:
        users = scope_users(change)
        mine = question.user is not None and users is not None and question.user in users
        shares = bool(question.services & set(change.services) or question.regions & set(change.regions))
        if mine:
            return 0 if not change.services or question.services & set(change.services) else 1
        return 2 if shares else 3 if users is None else 4

    return sorted(question.candidates(), key=lambda one: (tier(one), -window_us(one)[0], one.change_id))


_WINDOWS = ((HOUR_US, 3.0), (DAY_US, 2.0), (3 * DAY_US, 1.0))
_HALF_LIFE_US = 12 * HOUR_US
_LEAST_SPATIAL = 0.1


def gandalf(question: Question) -> Sequence[Change]:
    """Votes of the faults after a change less vetoes of those before it, by windows of 1, 24 and 72 h; spatial share; decay with age."""
    blame = {one.change_id: _blame(one, question) for one in question.candidates()}
    suspected = [one for one in question.candidates() if blame[one.change_id] > 0]
    return sorted(suspected, key=lambda one: (-blame[one.change_id], one.change_id))


def _blame(change: Change, question: Question) -> float:
    start_us, users = window_us(change)[0], scope_users(change)
    here = [(onset_us, user) for onset_us, user in question.faults if users is None or user in users]
    recent = {user for onset_us, user in question.faults if abs(onset_us - question.onset_us) <= HOUR_US}
    touched = {user for onset_us, user in here if abs(onset_us - question.onset_us) <= HOUR_US}
    if not recent or len(touched) / len(recent) < _LEAST_SPATIAL:
        return 0.0
    vetoes = sum(0 < start_us - onset_us < 3 * DAY_US for onset_us, _ in here)
    temporal = 0.0
    for window, weight in _WINDOWS:
        votes = sum(0 <= onset_us - start_us < window for onset_us, _ in here)
        if votes > vetoes:
            temporal += weight * log((votes - vetoes + 1) / (vetoes + 1))
    return temporal * exp(-log(2.0) * max(question.onset_us - start_us, 0) / _HALF_LIFE_US)


RANKERS: Mapping[str, Ranker] = {"nearest in time": nearest, "ServiceNow's tiers": servicenow, "Gandalf's votes": gandalf}
