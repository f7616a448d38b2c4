"""Events: the reports of a monitor at the DCC about one series in one window."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from models.times import At
from models.vocabulary import GREATEST, AsWhole, Codes, Count, Direction, MessageClass, Text, TextOrNone, UserId
from models.wire_model import WireModel

MESSAGES_MOST = 10**12

Window = Annotated[int, Field(ge=1, le=3600), AsWhole]


class TrafficEvent(WireModel):
    """Message rate: how many messages one series carried in one window (topic `dsp.message-rates`, key = user)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "traffic",
                    "observed_at": "2026-01-05T00:10:00Z",
                    "window_s": 60,
                    "user": "SUP-01",
                    "direction": "to_dsp",
                    "message_class": "service_request",
                    "service": "4.8.1",
                    "region": "north",
                    "messages": 1200,
                    "failures": 3,
                    "codes": {"E20": 3},
                }
            ]
        }
    )

    kind: Literal["traffic"]
    observed_at: At
    """End of the window; RFC 3339 with an offset."""
    window_s: Window = 10
    """Length of the window in seconds."""
    user: UserId
    """DCC User ID (a Party may hold several)."""
    direction: Direction
    message_class: MessageClass
    service: TextOrNone = None
    """Service Reference Variant (4.8.1) or alert code (8F36, N12); any other string is kept unchanged."""
    region: TextOrNone = None
    """A region such as north, central, south, smets1."""
    messages: Annotated[int, Field(ge=0, le=MESSAGES_MOST), AsWhole]
    """Messages in the window; throttled alerts count with their weight."""
    failures: Count = 0
    """How many of them failed."""
    codes: Codes = None
    """Response code → count."""

    @model_validator(mode="after")
    def _counts_are_messages(self) -> Self:
        if self.failures > self.messages:
            raise ValueError(f"failures: {self.failures} of {self.messages} messages can't have failed")
        for code, count in (self.codes or {}).items():
            if count > self.messages:
                raise ValueError(f"codes: {count} of {self.messages} messages can't have code {code!r:.40}")
        return self


class QueueEvent(WireModel):
    """Queue depth: how many messages wait in one User's queue (topic `dsp.queue-depths`, key = user)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "queue",
                    "observed_at": "2026-01-05T00:10:00Z",
                    "window_s": 60,
                    "user": "SUP-01",
                    "queue": "to_user",
                    "depth": 250000,
                    "oldest_age_s": 310.5,
                    "capacity": 2000000,
                    "enqueued": 18000,
                    "delivered": 0,
                }
            ]
        }
    )

    kind: Literal["queue"]
    observed_at: At
    """End of the window; RFC 3339 with an offset."""
    window_s: Window = 10
    """Length of the window in seconds."""
    user: UserId
    """DCC User ID (a Party may hold several)."""
    queue: Text
    """A queue such as to_user, failed, to_device."""
    depth: Count
    """Messages waiting."""
    oldest_age_s: Annotated[float, Field(ge=0, le=GREATEST, allow_inf_nan=False)] | None = None
    """Age of the oldest message in seconds."""
    capacity: Annotated[int, Field(gt=0, le=GREATEST), AsWhole] | None = None
    """Depth that the queue can hold."""
    enqueued: Count | None = None
    """Messages that entered the queue during the last `window_s`."""
    delivered: Count | None = None
    """Messages that left the queue during the last `window_s`."""


Event = Annotated[TrafficEvent | QueueEvent, Field(discriminator="kind")]
EVENT: TypeAdapter[TrafficEvent | QueueEvent] = TypeAdapter(Event)
"""Validates an event of either kind; `models.wire_model.reason` explains an invalid one."""
