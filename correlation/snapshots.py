"""Snapshots: the facts of one alert and of one incident at a window's end, before any judgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.columns import SeriesKey
from models.vocabulary import AlertKind

Movement = Literal["up", "down", "silent", "growing"]
"""How the traffic moved: storm and failures up, drop down, silence and stale silent, backlog growing, drift up or down."""

MOVEMENTS: Mapping[str, Movement] = {
    "storm": "up",
    "failures": "up",
    "drift": "up",
    "drop": "down",
    "silence": "silent",
    "stale": "silent",
    "backlog": "growing",
}
"""Movement by kind; a drift below its expectation is `down` instead."""


@dataclass(frozen=True, slots=True)
class AlertSnapshot:
    """The facts of one alert in this window: findings of one kind at one User (or one region, or everyone) together."""

    alert_id: str
    kind: AlertKind
    user: str | None
    """The User whose traffic it is; None for a whole region or for everyone."""
    region: str | None
    """The region of a region-wide alert; else the common region of all its series, if there is one."""
    series: tuple[SeriesKey, ...]
    """Sorted; every series it has covered since it opened, including ended ones."""
    onset_us: int
    """Estimated; it may move while evidence arrives."""
    detected_us: int
    """The window that first decided; it never moves."""
    at_us: int
    """The window of these facts."""
    ended_us: int | None
    """When its trouble ended (estimated); None while it continues."""
    direction: Movement
    ratio: float
    """`observed / expected`; 0 if nothing came; 1 if there is no expectation to compare with (a queue)."""
    observed: float
    """Per window, summed over the active series in canonical order: messages, failures, or depth (backlog)."""
    expected: float
    score: float
    """Nats of evidence of the strongest series."""
    peak: float
    """The highest `observed` so far; for drop and silence that of the window in which most messages were missing."""
    serious: bool
    """Whether any finding was strong enough for `warning` by the fleet's budget."""
    evidence: Mapping[str, float] = field(default_factory=dict)
    """Contract 2.1 evidence by name, absent if it does not apply; over several series the sum of depths and growths, else the worst."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Response codes since the onset (failures)."""
    flaps: int = 0
    """How often it ended and came back."""
    active: tuple[SeriesKey, ...] = ()
    """Sorted; those of `series` with an active finding in this window."""
    peak_expected: float | None = None
    """The expectation in the window of `peak`, for the series that were active then; None: the same as now."""
    resolved_us: int | None = None
    """The window that decided that it is over; None before."""
    refused: bool = False
    """Whether people refused it as a habit, so that what its User did on other days is no excuse."""
    sure: tuple[SeriesKey, ...] = ()
    """Those with a finding that is no chance of one window; the last ones once it is over."""

    @property
    def usual_at_peak(self) -> float:
        """The reference of `peak`: an alert's series change, and each window has its own expectation."""
        return self.expected if self.peak_expected is None else self.peak_expected

    @property
    def open(self) -> bool:
        """Whether it is still abnormal."""
        return self.ended_us is None

    @property
    def habit(self) -> bool:
        """Whether it is what its User does at this time of day, or as often and as large: that says nothing of any change."""
        return "habit_days" in self.evidence or (self.kind in ("storm", "drop") and not self.serious)


@dataclass(frozen=True, slots=True)
class IncidentSnapshot:
    """One incident's facts in this window: the input of a judgement of its cause.

    There are two judgements: for triage with everything, and for a User's own copy with that User's episodes only, a calendar view with
    its own and DCC-led changes only, and a history with its own pulses only (`History.seen_by(user)`).
    """

    incident_id: str
    episodes: tuple[AlertSnapshot, ...]
    """By onset, then alert_id; resolved ones included."""
    origin_user: str | None
    """Where it began; None for a region, for the DCC side, or if it is not one User's."""
    onset_us: int
    """The earliest of the origin's episodes, else of all."""
    detected_us: int
    at_us: int
    affected_users: tuple[str, ...]
    """Sorted; Users other than the origin whose traffic suffers."""
    regions: tuple[str, ...] = ()
    """Sorted; regions that its series name."""
    earlier_users: tuple[str, ...] = ()
    """Sorted; Users that suffered before it came back."""

    @property
    def users(self) -> tuple[str, ...]:
        """Sorted; every User with an episode."""
        return tuple(sorted({episode.user for episode in self.episodes if episode.user is not None}))

    @property
    def origin_alerts(self) -> tuple[AlertSnapshot, ...]:
        """The origin's episodes; all of them if there is no origin."""
        return tuple(episode for episode in self.episodes if self.origin_user is None or episode.user == self.origin_user)

    @property
    def ended_us(self) -> int | None:
        """When the last of its episodes ended; None while one is open."""
        ends = [episode.ended_us for episode in self.episodes]
        return None if None in ends else max(end for end in ends if end is not None)
