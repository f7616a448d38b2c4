"""Builders for what the judgement of causes starts from: a past of traffic, an alert's facts, an incident's, a calendar."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from changes.calendar import Calendar, CalendarView
from correlation.history.traffic_history import History
from correlation.snapshots import MOVEMENTS, AlertSnapshot, IncidentSnapshot
from models.change import Change
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import HOUR_US, MINUTE_US, instant, parse_time

T0 = parse_time("2026-01-05T00:00:00Z")
ONSET = T0 + 12 * HOUR_US
WINDOW_S = 60
USERS = tuple(f"USER-{number:02d}" for number in range(12))
SERVICES = ("2.2", "4.8.1")

Rates = Callable[[str, str, int], float]
"""(user, service, minute since T0) → factor on the usual 50 messages a minute."""


def usual(user: str, service: str, minute: int) -> float:
    """Nothing happens."""
    return 1.0


def broken(user: str = "USER-00", factor: float = 0.0, services: tuple[str, ...] = SERVICES) -> Rates:
    """One User's traffic changes at ONSET."""
    return lambda who, service, minute: factor if who == user and service in services and minute >= 720 else 1.0


def past(
    rates: Rates = usual,
    *,
    minutes: int = 740,
    users: tuple[str, ...] = USERS,
    region: str = "north",
    elsewhere: tuple[str, ...] = (),
    profile: Callable[[int], float] = lambda minute: 1.0,
    seed: int = 1,
) -> History:
    """A history of `minutes` windows, Poisson around the rates; each User's counts are its own, whatever the others do.

    `elsewhere`: Users whose traffic is in the south. `profile`: minute since T0 → factor on what is expected.
    """
    region_of = {user: "south" if user in elsewhere else region for user in users}
    groups = tuple(sorted(PulseKey(user, "to_dsp", "service_request", service, region_of[user]) for user in users for service in SERVICES))
    expected = np.full(len(groups), 50.0)
    counts = np.empty((minutes, len(groups)))
    for column, group in enumerate(groups):
        draw = np.random.default_rng([seed, *group.user.encode(), *group.service.encode()])
        counts[:, column] = draw.poisson([50.0 * rates(group.user, group.service, minute) for minute in range(minutes)])
    history = History()
    for minute in range(minutes):
        add(history, T0 + (minute + 1) * MINUTE_US, groups, counts[minute], expected * profile(minute))
    return history


def add(history: History, at_us: int, groups: tuple[PulseKey, ...], observed: Any, expected: Any) -> None:
    """One window of traffic."""
    seen = np.ones(len(groups), np.bool_)
    pulse = Pulse(at_us, WINDOW_S, groups, seen, observed, np.zeros(len(groups)), expected, expected)
    none = np.zeros(0)
    queues = QueuePulse(at_us, WINDOW_S, (), np.zeros(0, np.bool_), none, none)
    history.add(Detected(at_us, WINDOW_S, (), (), Findings.none(), Findings.none(), pulse, queues))


def series(user: str = "USER-00", service: str = "2.2", region: str = "north", **parts: Any) -> SeriesKey:
    """One message rate."""
    named = {"direction": "to_dsp", "message_class": "service_request", "queue": ""} | parts
    return SeriesKey(user, named["direction"], named["message_class"], service, region, named["queue"], WINDOW_S)


def episode(kind: str = "silence", user: str | None = "USER-00", minutes: int = 20, **facts: Any) -> AlertSnapshot:
    """An alert that began at ONSET and is `minutes` old."""
    keys = facts.pop("series", tuple(sorted(series(user or "USER-00", service) for service in SERVICES)))
    up = MOVEMENTS[kind] == "up"
    values: dict[str, Any] = {
        "alert_id": f"A-{kind}-{user}",
        "kind": kind,
        "user": user,
        "region": "north",
        "series": keys,
        "onset_us": ONSET,
        "detected_us": ONSET + 3 * MINUTE_US,
        "at_us": ONSET + minutes * MINUTE_US,
        "ended_us": None,
        "direction": MOVEMENTS[kind],
        "ratio": 5.0 if up else 0.0,
        "observed": 500.0 if up else 0.0,
        "expected": 100.0,
        "score": 40.0,
        "peak": 500.0 if up else 0.0,
        "serious": True,
        "active": keys,
    }
    return AlertSnapshot(**(values | facts))


def case(*episodes: AlertSnapshot, origin: str | None = "USER-00", affected: tuple[str, ...] = ()) -> IncidentSnapshot:
    """The incident of these alerts."""
    known = episodes or (episode(),)
    own = [one for one in known if origin is None or one.user == origin]
    return IncidentSnapshot(
        incident_id="I-1",
        episodes=tuple(known),
        origin_user=origin,
        onset_us=min(one.onset_us for one in own),
        detected_us=min(one.detected_us for one in own),
        at_us=max(one.at_us for one in known),
        affected_users=affected,
    )


def change(change_id: str, *, start: float = -2.0, hours: float = 2.0, owner: str = "USER-00", **fields: Any) -> Change:
    """A change that starts `start` minutes from ONSET (before it when negative)."""
    start_us = ONSET + round(start * MINUTE_US)
    values: Mapping[str, Any] = {
        "change_id": change_id,
        "owner": owner,
        "title": f"Work {change_id}",
        "planned_start": instant(start_us),
        "planned_end": instant(start_us + round(hours * HOUR_US)),
        **fields,
    }
    return Change.model_validate(values, strict=False)


def calendar(*changes: Change, at_us: int = ONSET + 20 * MINUTE_US) -> CalendarView:
    """What is known of these changes."""
    known = Calendar()
    for one in changes:
        known.declare(one, None)
    return known.view(at_us)
