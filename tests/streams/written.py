"""Events as producers write them: builders that name only what matters."""

import json
from typing import Any

START = "2026-01-05T00:00:00Z"


def traffic(**values: Any) -> dict[str, Any]:
    """A valid traffic event with some values of one's own; None leaves a field out."""
    event = {
        "kind": "traffic",
        "observed_at": START,
        "window_s": 10,
        "user": "SUP-01",
        "direction": "to_dsp",
        "message_class": "service_request",
        "service": "4.8.1",
        "region": "north",
        "messages": 120,
        "failures": 0,
    } | values
    return {name: value for name, value in event.items() if value is not None}


def queue(**values: Any) -> dict[str, Any]:
    """A valid queue event with some values of one's own; None leaves a field out."""
    event = {"kind": "queue", "observed_at": START, "window_s": 10, "user": "SUP-01", "queue": "to_user", "depth": 5} | values
    return {name: value for name, value in event.items() if value is not None}


def line(event: dict[str, Any]) -> bytes:
    """One event as compact JSON."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def lines(*events: dict[str, Any]) -> bytes:
    """Events one a line."""
    return b"".join(line(event) + b"\n" for event in events)
