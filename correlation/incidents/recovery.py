"""Recovery: whether an incident is over, judged over all traffic that it touched, and when its trouble ended.

A single series may stay suspicious for hours after the trouble is gone. So the decision is made once for the whole incident: its series are
pooled by business process and region and held against what is due. It is over when every pool has been back for some minutes and no User
is still as badly off as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from correlation.history.traffic_history import History
from correlation.incidents.business_processes import processes
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints, SeriesKey
from models.times import SECOND_US
from models.vocabulary import Phase

HARM_OF_KIND: Mapping[str, str] = {
    "storm": "excess",
    "drop": "loss",
    "silence": "loss",
    "failures": "failed",
    "backlog": "waiting",
}
"""What is too much or too little by kind of alert; drift and stale are no harm that could be measured."""
LOSS_KINDS = frozenset({"drop", "silence", "failures"})
Traffic = tuple[str, str]
"""Message class and service."""
_AVERAGED_S = 180
"""Stretch over which harm is averaged, at least one window."""
_HELD_S = 300
"""How long traffic must have been back, and two windows."""
_LEFT = 0.15
"""Share of the worst so far that counts as back."""
_LEFT_SHARED = 0.7
"""The same for others that suffer from a second incident too."""
_TRIFLE, _RELAPSE_OF_ALL = 0.05, 0.1
"""Share of the largest measure below which one decides nothing, and from which on it may be a relapse."""
_LEFT_USER = 0.5
"""Share of its own worst from which on one User is still badly off."""
_LEFT_USER_SHARED, _SMALL_USER = 0.95, 0.01
"""The same where a second incident goes on, unless the User's part of the whole is as small as this."""
_ENDED = 0.3
"""Share of the worst below which a single window is past the end."""
_EMPTY_QUEUE = 0.002
"""Share of its highest depth at which a queue is empty, unless twice its usual depth is more."""
_SIGMAS = 3.0
_DISPERSION = 2.0
"""Variance over mean of a pooled count, as a round figure."""
_RELAPSE = 0.3
"""Share of the worst from which on an incident that is over has come back."""


@dataclass(slots=True)
class Course:
    """What is remembered of one incident to judge its recovery."""

    worst: dict[str, float] = field(default_factory=dict)
    """Highest average harm by measure, in messages a second (or messages waiting); by `measure@USER` of one User."""
    now: dict[str, float] = field(default_factory=dict)
    """The same in the last window that was judged, by measure."""
    usual: dict[str, float] = field(default_factory=dict)
    """Share that fails as a rule, or usual depth, by measure."""
    suffering: list[str] = field(default_factory=list)
    """Sorted; Users that were still badly off in the last window that was judged."""
    back_since_us: int | None = None
    """Since when all pools have been back; None while one is not."""
    depth: float | None = None
    """Messages waiting in the last window that was judged; None where no queue is part of it."""
    peak_depth: float | None = None
    phase: Phase = "growing"
    phase_next: Phase = "growing"
    """The phase of the last window; it is published after some windows in a row (`phase_run`)."""
    phase_run: int = 0


@dataclass(frozen=True, slots=True)
class Harm:
    """One measure of one incident in the last windows."""

    name: str
    ends_us: Ints
    windows: Floats
    """(windows,) pooled harm, messages a second or waiting; what one process or region has too much makes up for nothing elsewhere."""
    noise: float
    """Of one window, three sigmas."""
    users: Mapping[str, float]
    """Average harm by User, only where it is more than chance."""
    floor: float = 0.0
    """What is always there: twice the usual depth of a queue."""

    def average(self) -> float:
        """Over the last three minutes."""
        count = _averaged(self.window_us)
        return float(self.windows[-count:].mean()) if len(self.windows) else 0.0

    def earlier(self, ago_us: int) -> float:
        """Over three minutes some time ago; of less than that is known, over the first windows."""
        count, back = _averaged(self.window_us), max(1, ago_us // self.window_us)
        rest = self.windows[: max(len(self.windows) - back, 1)]
        return float(rest[-count:].mean())

    @property
    def counts_queue(self) -> bool:
        """Whether it is about what waits, not about traffic."""
        return self.name.startswith("waiting")

    @property
    def window_us(self) -> int:
        """Length of a window."""
        return int(self.name.split("/")[1]) * SECOND_US

    @property
    def chance(self) -> float:
        """What the average may be by chance."""
        return self.noise / float(np.sqrt(_averaged(self.window_us)))

    def limit(self, worst: float, share: float) -> float:
        """What the average may be for a pool to count as back."""
        if self.counts_queue:
            return max(self.floor, (_EMPTY_QUEUE if share == _LEFT else share) * worst)
        return max(self.chance, share * worst)

    def last_us(self, worst: float) -> int | None:
        """End of the last window that shows it; None where none of them does."""
        share = _EMPTY_QUEUE if self.counts_queue else _ENDED
        over = np.flatnonzero(self.windows > max(self.noise if self.floor == 0 else self.floor, share * worst))
        return int(self.ends_us[over[-1]]) if len(over) else None


@dataclass(frozen=True, slots=True)
class Recovery:
    """The decision on one incident in one window."""

    measured: bool
    """Whether its traffic shows it at all; if not, only the detectors can decide."""
    back: bool
    """Whether its traffic is back in this window."""
    over: bool
    """Whether it has been back for long enough."""
    relapsed: bool
    """Whether it is as bad again as an incident that is over must not be."""
    ended_us: int | None
    """When the trouble ended; None where the traffic does not show it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other incidents explain, with the incident that does."""

    traffic: Mapping[Traffic, str] = field(default_factory=dict)
    """Whose losses and failures, at several Users."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Where they began."""

    def home(self, member: AlertSnapshot) -> str | None:
        """The incident that an alert's User suffers from as well, if any; not one that began there, whose onset it would blur."""
        if member.user in self.users or member.kind not in LOSS_KINDS:
            return None
        return min((self.traffic[traffic] for key in member.series if (traffic := traffic_of(key)) in self.traffic), default=None)

    def explains(self, kind: str, key: SeriesKey) -> bool:
        """Whether another incident explains what happens to a series."""
        return key.user in self.users or (kind in LOSS_KINDS and traffic_of(key) in self.traffic)


def traffic_of(key: SeriesKey) -> Traffic:
    """What a series carries, whoever's and wherever."""
    return key.message_class, key.service


def harms(
    course: Course, members: Iterable[AlertSnapshot], origin_user: str | None, elsewhere: Elsewhere, opened_us: int, history: History
) -> list[Harm]:
    """Every measure of an incident. `elsewhere`: what another incident explains."""
    keys: dict[tuple[str, int], set[SeriesKey]] = {}
    for member in members:
        harm = HARM_OF_KIND.get(member.kind)
        if harm is None:
            continue
        side = "others" if origin_user is not None and member.user != origin_user else "own"
        for key in member.series:
            if not elsewhere.explains(member.kind, key):
                keys.setdefault((f"{harm}/{key.window_s}/{side}", key.window_s), set()).add(key)
    found = [_measure(course, name, tuple(sorted(of)), opened_us, history) for (name, _), of in sorted(keys.items())]
    return [one for one in found if one is not None]


def assess(course: Course, found: list[Harm], at_us: int, *, shared: bool = False) -> Recovery:
    """The decision; `course` is moved on by this window.

    `shared`: another incident goes on that harms others too. Once the origin itself is back, what is left at the others may be that one's.
    """
    _remember(course, found)
    _look_at_queues(course, found)
    shown = _shown(course, found)
    own = [harm for harm in shown if harm.name.endswith("own")]
    shared = shared and bool(own) and len(own) < len(shown) and all(_is_back(course, harm, _LEFT) for harm in own)
    back = bool(shown) and all(_is_back(course, harm, _LEFT_SHARED if shared and harm not in own else _LEFT) for harm in shown)
    held_us = max(_HELD_S * SECOND_US, 2 * max((harm.window_us for harm in shown), default=0))
    if not back:
        course.back_since_us = None
    elif course.back_since_us is None:
        course.back_since_us = at_us
    over = back and course.back_since_us is not None and at_us - course.back_since_us >= held_us
    largest = max((course.worst[harm.name] for harm in shown if not harm.counts_queue), default=0.0)
    relapsed = any(
        harm.average() > max(2.0 * harm.chance, harm.limit(course.worst[harm.name], _RELAPSE))
        and (harm.counts_queue or harm.average() > _RELAPSE_OF_ALL * largest)
        for harm in shown
    )
    ends = [end for harm in (own if shared else shown) if (end := harm.last_us(course.worst[harm.name])) is not None]
    return Recovery(bool(shown), back, over, relapsed, max(ends, default=None))


def _remember(course: Course, found: list[Harm]) -> None:
    course.now = {}
    suffering: set[str] = set()
    for harm in found:
        course.now[harm.name] = average = harm.average()
        course.worst[harm.name] = max(course.worst.get(harm.name, 0.0), average)
        for user, value in harm.users.items():
            name = f"{harm.name}@{user}"
            course.worst[name] = max(course.worst.get(name, 0.0), value)
            suffering |= {user} if value > _LEFT_USER * course.worst[name] else set()
    course.suffering = sorted(suffering)


def _shown(course: Course, found: list[Harm]) -> list[Harm]:
    """What is more than chance, and no trifle beside the rest."""
    shown = [harm for harm in found if course.worst[harm.name] > max(1.5 * harm.chance, harm.floor)]
    largest = max((course.worst[harm.name] for harm in shown if not harm.counts_queue), default=0.0)
    return [harm for harm in shown if harm.counts_queue or course.worst[harm.name] >= _TRIFLE * largest]


def ended_us(alert: AlertSnapshot, history: History) -> int | None:
    """When the trouble of one alert ended, as its own traffic shows it; None where that does not show it."""
    harm = HARM_OF_KIND.get(alert.kind)
    if harm is None or not alert.series:
        return None
    window_s = min(key.window_s for key in alert.series)
    keys = tuple(key for key in alert.series if key.window_s == window_s)
    measured = _measure(Course(), f"{harm}/{window_s}/own", keys, alert.onset_us, history)
    if measured is None:
        return None
    worst = alert.peak if harm == "waiting" else abs(alert.peak - alert.usual_at_peak) / window_s
    return measured.last_us(worst)


def _look_at_queues(course: Course, found: list[Harm]) -> None:
    """Depths of the origin's queues, of all where there is no origin."""
    queues = [harm for harm in found if harm.counts_queue and harm.name.endswith("own") and len(harm.windows)]
    if not queues:
        course.depth = None
        return
    course.depth = sum(float(harm.windows[-1]) for harm in queues)
    course.peak_depth = max(course.peak_depth or 0.0, course.depth)


def _is_back(course: Course, harm: Harm, share: float) -> bool:
    if harm.average() > harm.limit(course.worst[harm.name], share):
        return False
    user_share = _LEFT_USER if share == _LEFT else _LEFT_USER_SHARED
    least = 0.0 if share == _LEFT else _SMALL_USER * course.worst[harm.name]
    return all(value <= max(user_share * course.worst[f"{harm.name}@{user}"], least) for user, value in harm.users.items())


def _averaged(window_us: int) -> int:
    return max(1, _AVERAGED_S * SECOND_US // window_us)


def _measure(course: Course, name: str, keys: tuple[SeriesKey, ...], opened_us: int, history: History) -> Harm | None:
    recent = history.recent(keys)
    if recent is None:
        return None
    harm, window_s = name.split("/")[0], float(keys[0].window_s)
    if harm == "waiting":
        if name not in course.usual:
            course.usual[name] = history.usual_depth(keys, opened_us)
        return Harm(name, recent.ends_us, recent.observed.sum(axis=1), 0.0, {}, max(2.0 * course.usual[name], 1.0))
    names = [",".join((*processes((key,)), key.region)) for key in keys]
    if harm == "failed":
        due = recent.observed * _usual_failures(course, name, keys, names, opened_us, history)
        off, size = recent.failed - due, np.maximum(recent.failed, due)
    else:
        off = recent.observed - recent.expected if harm == "excess" else recent.expected - recent.observed
        size = np.maximum(recent.observed, recent.expected)
    pools = _numbers(names)
    pooled = np.maximum(_sums(off, pools), 0.0).sum(axis=1)
    noise = _SIGMAS * float(np.sqrt(_DISPERSION * size[-_averaged(keys[0].window_s * SECOND_US) :].sum(axis=1).mean()))
    return Harm(name, recent.ends_us, pooled / window_s, noise / window_s, _of_users(keys, off, size, window_s))


def _usual_failures(course: Course, name: str, keys: tuple[SeriesKey, ...], pools: list[str], opened_us: int, history: History) -> Floats:
    """(series,) Share that fails as a rule, by pool; learned once, before the trouble counts."""
    of: dict[str, list[SeriesKey]] = {}
    for key, pool in zip(keys, pools, strict=True):
        of.setdefault(f"{name}#{pool}", []).append(key)
    for pool, some in of.items():
        if pool not in course.usual:
            course.usual[pool] = history.usual_failures(tuple(some), opened_us)
    return np.array([course.usual[f"{name}#{pool}"] for pool in pools])


def _of_users(keys: tuple[SeriesKey, ...], off: Floats, size: Floats, window_s: float) -> dict[str, float]:
    """Average harm of each User over the last minutes, where it is more than chance."""
    users = sorted({key.user for key in keys})
    number = {user: index for index, user in enumerate(users)}
    of = np.array([number[key.user] for key in keys], np.int64)
    count = _averaged(round(window_s) * SECOND_US)
    total = _sums(off[-count:], of).sum(axis=0)
    chance = _SIGMAS * np.sqrt(_DISPERSION * _sums(size[-count:], of).sum(axis=0))
    seconds = window_s * max(len(off[-count:]), 1)
    return {user: float(total[index]) / seconds for user, index in number.items() if total[index] > chance[index]}


def _numbers(names: Iterable[str]) -> Ints:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)


def _sums(values: Floats, of: Ints) -> Floats:
    """(windows, groups) sums of (windows, series) by group."""
    total = np.zeros((len(values), int(of.max()) + 1))
    np.add.at(total.T, of, values.T)
    return total
