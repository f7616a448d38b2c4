"""Harm: how much is wrong with the traffic of an incident, window by window, by kind of harm and separately for its origin and the others.

The series are pooled by business process and region, and each pool is compared with what is due.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from correlation.history.pooling import numbered, numbered_users, pooled
from correlation.history.resolution_history import Recent
from correlation.history.traffic_history import History
from correlation.incidents.business_processes import pool_names
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints, SeriesKey
from models.times import SECOND_US

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
LEFT = 0.15
"""Share of the worst so far that counts as back."""
_ENDED = 0.3
"""Share of the worst below which a single window is past the end."""
_EMPTY_QUEUE = 0.002
"""Share of its highest depth at which a queue is empty, unless twice its usual depth is more."""
_SIGMAS = 3.0
_DISPERSION = 2.0
"""Variance over mean of a pooled count, as a round figure."""


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
    def side(self) -> str:
        """`own` at the origin, or `others`."""
        return self.name.rsplit("/", 1)[1]

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
            return max(self.floor, (_EMPTY_QUEUE if share == LEFT else share) * worst)
        return max(self.chance, share * worst)

    def last_us(self, worst: float) -> int | None:
        """End of the last window that shows it; None where none of them does."""
        share = _EMPTY_QUEUE if self.counts_queue else _ENDED
        over = np.flatnonzero(self.windows > max(self.noise if self.floor == 0 else self.floor, share * worst))
        return int(self.ends_us[over[-1]]) if len(over) else None


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
    usual: dict[str, float],
    members: Iterable[AlertSnapshot],
    origin_user: str | None,
    elsewhere: Elsewhere,
    opened_us: int,
    history: History,
) -> list[Harm]:
    """Every measure of an incident. `elsewhere`: what another incident explains.

    `usual`: share that fails as a rule, or usual depth, by measure; what it lacks is learned once and stored in it.
    """
    keys: dict[tuple[str, int], set[SeriesKey]] = {}
    for member in members:
        harm = HARM_OF_KIND.get(member.kind)
        if harm is None:
            continue
        side = "others" if origin_user is not None and member.user != origin_user else "own"
        for key in member.series:
            if not elsewhere.explains(member.kind, key):
                keys.setdefault((f"{harm}/{key.window_s}/{side}", key.window_s), set()).add(key)
    measured = [measure(usual, name, tuple(sorted(of)), opened_us, history) for (name, _), of in sorted(keys.items())]
    return [one for one in measured if one is not None]


def _averaged(window_us: int) -> int:
    return max(1, _AVERAGED_S * SECOND_US // window_us)


def measure(usual: dict[str, float], name: str, keys: tuple[SeriesKey, ...], opened_us: int, history: History) -> Harm | None:
    """One measure of some series of one window length, named `harm/window_s/side`; None where nothing is known of them."""
    recent = history.recent(keys)
    if recent is None:
        return None
    harm, window_s = name.split("/")[0], float(keys[0].window_s)
    if harm == "waiting":
        if name not in usual:
            usual[name] = history.usual_depth(keys, opened_us)
        return Harm(name, recent.ends_us, _depths(recent).sum(axis=1), 0.0, {}, max(2.0 * usual[name], 1.0))
    names = pool_names(keys)
    if harm == "failed":
        due = recent.observed * _usual_failures(usual, name, keys, names, opened_us, history)
        off, size = recent.failed - due, np.maximum(recent.failed, due)
    else:
        off = recent.observed - recent.expected if harm == "excess" else recent.expected - recent.observed
        size = np.maximum(recent.observed, recent.expected)
    by_pool = np.maximum(pooled(off, numbered(names)), 0.0).sum(axis=1)
    noise = _SIGMAS * float(np.sqrt(_DISPERSION * size[-_averaged(keys[0].window_s * SECOND_US) :].sum(axis=1).mean()))
    return Harm(name, recent.ends_us, by_pool / window_s, noise / window_s, _of_users(keys, off, size, window_s))


def _depths(recent: Recent) -> Floats:
    """(windows, queues) depth; a queue without a report is as deep as it was last seen, not empty."""
    rows = np.arange(len(recent.ends_us))[:, None]
    last_seen = np.maximum.accumulate(np.where(recent.expected > 0, rows, 0), axis=0)
    return np.take_along_axis(recent.observed, last_seen, axis=0)


def _usual_failures(
    usual: dict[str, float], name: str, keys: tuple[SeriesKey, ...], pools: list[str], opened_us: int, history: History
) -> Floats:
    """(series,) Share that fails as a rule, by pool; learned once, before the trouble counts."""
    of: dict[str, list[SeriesKey]] = {}
    for key, pool in zip(keys, pools, strict=True):
        of.setdefault(f"{name}#{pool}", []).append(key)
    for pool, some in of.items():
        if pool not in usual:
            usual[pool] = history.usual_failures(tuple(some), opened_us)
    return np.array([usual[f"{name}#{pool}"] for pool in pools])


def _of_users(keys: tuple[SeriesKey, ...], off: Floats, size: Floats, window_s: float) -> dict[str, float]:
    """Average harm of each User over the last minutes, where it is more than chance."""
    users, of = numbered_users(keys)
    count = _averaged(round(window_s) * SECOND_US)
    total = pooled(off[-count:], of).sum(axis=0)
    chance = _SIGMAS * np.sqrt(_DISPERSION * pooled(size[-count:], of).sum(axis=0))
    seconds = window_s * max(len(off[-count:]), 1)
    return {user: float(total[index]) / seconds for index, user in enumerate(users) if total[index] > chance[index]}
