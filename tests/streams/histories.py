"""Histories: events of a few series around a clock that mostly goes on, with all that goes wrong with time."""

import random
from typing import Any

from models.times import SECOND_US, format_time, parse_time
from tests.streams.written import queue, traffic

START_US = parse_time("2026-01-05T00:00:00Z")
Step = tuple[Any, ...]
"""("event", stream, event), ("bad", stream, text), ("idle", stream), ("follow", µs) or ("observe_remote", {user: µs})."""

_KINDS = ["event"] * 30 + ["again"] * 6 + ["bad", "idle", "gap", "follow", "observe_remote"]
_OFF_S = [0, 0, -0.25, 0.5, -5, -29, -30, -40, 3, 100, 299, 301, 5_000]
"""How far an event may be beside the clock."""
_CODES = [None, None, {}, {"E20": 1}, {"E1": 2, "E20": 1}, {"E19": 1, "I0": 3, "E30": 2}]
_SERIES = ("kind", "user", "observed_at", "window_s", "direction", "message_class", "service", "queue")


def at(seconds: float) -> str:
    """A time so many seconds after the start."""
    return format_time(START_US + round(seconds * SECOND_US))


def history(dice: random.Random, most: int) -> list[Step]:
    """Up to `most` steps; each event has a `mark` of its own."""
    clock_s, steps = 0.0, list[Step]()
    for mark in range(dice.randrange(1, most)):
        kind, stream = dice.choice(_KINDS), dice.choice("aaab")
        clock_s += dice.choice([0, 0, 5, 30, 60])
        if kind == "gap":
            clock_s += dice.choice([400, 400, 5_000, 5_000, 100_000])
        elif kind == "bad":
            steps.append(("bad", stream, f"broken {mark}".encode()))
        elif kind == "idle":
            steps.append(("idle", stream))
        elif kind == "follow":
            steps.append(("follow", START_US + round((clock_s + dice.choice([-60, -30, 0, 5])) * SECOND_US)))
        elif kind == "observe_remote":
            steps.append(("observe_remote", {dice.choice(["U1", "X"]): START_US + round(clock_s * SECOND_US)}))
        else:
            before = [step[2] for step in steps if step[0] == "event"]
            event = _event(dice, clock_s, mark)
            steps.append(("event", stream, _again(dice.choice(before), event) if kind == "again" and before else event))
    return steps


def _event(dice: random.Random, clock_s: float, mark: int) -> dict[str, Any]:
    common: dict[str, Any] = {
        "mark": mark,
        "user": dice.choice(["U1", "U1", "U2", "U3"]),
        "observed_at": at(clock_s + dice.choice(_OFF_S)),
        "window_s": dice.choice([60, 60, 600]),
    }
    if dice.random() < 0.5:
        service = dice.choice(["4.8.1", "", None])
        return traffic(**common, service=service, messages=dice.randint(3, 5), failures=dice.randint(0, 1), codes=dice.choice(_CODES))
    numbers = {name: dice.choice([None, 1, 9, 10]) for name in ("capacity", "enqueued", "delivered")}
    age = dice.choice([None, 0.5, 9.5, 10.5])
    return queue(**common, queue=dice.choice(["to_user", "failed"]), depth=dice.randint(0, 2), oldest_age_s=age, **numbers)


def _again(before: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The series and time of an earlier event, with what `event` says."""
    filled = {"messages": 3, "direction": "to_dsp", "message_class": "service_request"} if before["kind"] == "traffic" else {"depth": 1}
    kept = {name: before[name] for name in _SERIES if name in before}
    return filled | kept | {name: value for name, value in event.items() if name not in _SERIES}
