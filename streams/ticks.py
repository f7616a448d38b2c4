"""Ticks: the event-time grid on which every series either reported or did not.

(The lead is writing the Assembler right now: see the notice in the team plan.)
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.columns import EventBatch, QueueTick, Rejection, SeriesKey, TrafficTick


class TimeParameters(BaseModel):
    """How much disorder in time is taken as normal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_lateness_s: int = Field(default=30, ge=0, description="How far the watermark stays behind the highest observed_at, in seconds")
    allowed_future_s: int = Field(
        default=300, ge=0, description="How far a User may be ahead of all others before its events are held, in seconds"
    )
    idle_s: int = Field(
        default=60, ge=1, description="How long a stream may bring nothing before it follows the others, in seconds of clock time"
    )


@dataclass(frozen=True, slots=True)
class Closed:
    """One cohort's window that can change no more: every series of one window length."""

    at_us: int
    """End of the window."""
    window_s: int
    traffic: TrafficTick
    traffic_keys: tuple[SeriesKey, ...]
    """Only grows; the same object as long as no series is added."""
    queues: QueueTick
    queue_keys: tuple[SeriesKey, ...]


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one batch (or the end of the input) led to."""

    closed: tuple[Closed, ...] = ()
    """By (at_us, window_s)."""
    rejected: tuple[Rejection, ...] = ()
    """Malformed, late or never released events, in input order."""
    watermarks_us: tuple[int | None, ...] = ()
    """For each of `rejected` the watermark then, None before the first."""
    accepted: int = 0
    repeated: int = 0
    late: int = 0
    held: int = 0
    """Events now held because their User is ahead of all others."""


class Assembler:
    """Puts events on the grid of their window and closes windows as the watermark passes (contract 1.3)."""

    def __init__(self, parameters: TimeParameters) -> None:
        raise NotImplementedError

    @property
    def watermark_us(self) -> int | None:
        """Windows up to it are closed: the lowest watermark of the active streams; None before the first event."""
        raise NotImplementedError

    def feed(self, batch: EventBatch, stream: str = "") -> Assembled:
        """Takes one batch of one stream (a file set, a token, a partition) and closes what can be closed."""
        raise NotImplementedError

    def idle(self, stream: str) -> Assembled:
        """`stream` brings nothing for `idle_s`: until its next event it follows the others."""
        raise NotImplementedError

    def finish(self) -> Assembled:
        """End of the input: held events are rejected, windows up to the highest `observed_at` close."""
        raise NotImplementedError

    def pack(self) -> Any:
        """State as a tree for `models.packed.pack`."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, parameters: TimeParameters, tree: Any) -> "Assembler":
        """The assembler that `pack` was called on."""
        raise NotImplementedError
