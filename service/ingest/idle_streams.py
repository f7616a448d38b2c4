"""Idle streams: a stream without input for a while must not hold open the windows of others."""

import asyncio

from models.clock import Clock
from service.ingest.intake import Intake
from service.ingest.journal import IDLE

_LOOK_S = 1.0


class IdleStreams:
    """Writes into the journal which streams became idle, so that a replay of the journal closes the same windows."""

    def __init__(self, intake: Intake, clock: Clock, idle_s: float) -> None:
        self._intake, self._clock, self._idle_s = intake, clock, idle_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(min(_LOOK_S, self._idle_s / 2))
            for stream in self._intake.newly_idle(self._idle_s):
                try:
                    await asyncio.wrap_future(self._intake.submit(IDLE, stream, b"", None, self._clock.wall_us()))
                except OSError:  # `Health.fault` gives the reason; until it is on disk, this stream holds the others' windows open
                    self._intake.undo_idle(stream)
