"""The embedded monitor: starts its parts in order of dependency, keeps them running, and stops them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import structlog

from service.auth.open_streams import OpenStreams
from service.engine.engine import Engine
from service.event_stream import EventStream
from service.health import Health
from service.ingest.idle_streams import IdleStreams
from service.ingest.intake import Intake
from service.metrics import DeskBoard
from service.notify.dispatcher import Dispatcher
from service.operations.periodic_jobs import PeriodicJobs

log = structlog.get_logger()
_AGAIN_S = 2.0
_SHORT_RECOVERY_S = 2.0
"""The start waits for a recovery that takes no longer than this, so that the first answers are complete."""


class Follower(Protocol):
    """A part that runs beside the engine while the monitor is open."""

    def start(self) -> None:
        """Starts after the engine has recovered."""

    def close(self) -> None:
        """Ends."""


class Monitor:
    """One data folder, one process. `start` recovers, `run` does periodic work, `close` writes a checkpoint."""

    def __init__(
        self,
        engine: Engine,
        intake: Intake,
        board: DeskBoard,
        events: EventStream,
        dispatcher: Dispatcher,
        jobs: PeriodicJobs,
        idle_streams: IdleStreams,
        streams: OpenStreams,
        health: Health,
        followers: Sequence[Follower],
        opened: ExitStack,
    ) -> None:
        """`opened` closes the resources of the parts: the journal, the data file and the lock of the folder, in this order."""
        self._engine, self._intake, self._board, self._health = engine, intake, board, health
        self._events, self._dispatcher, self._jobs, self._idle_streams = events, dispatcher, jobs, idle_streams
        self._streams = streams
        self._followers = followers
        self._opened = opened

    def start(self) -> None:
        """Loads the newest checkpoint and begins to accept input, even during a long recovery. An error closes everything again."""
        with ExitStack() as stack:
            stack.callback(self._opened.close)
            self._board.read_open_records()
            self._engine.restore()
            self._intake.remember(self._engine.streams)
            self._intake.start()
            self._engine.start(self._intake)
            stack.callback(self._engine.close)
            stack.callback(self._intake.close)
            self._engine.wait_until_recovered(_SHORT_RECOVERY_S)
            for follower in self._followers:
                follower.start()
                stack.callback(follower.close)
            self._opened = stack.pop_all()
        self._health.ready = True

    def close(self) -> None:
        """Judges and commits the accepted input, writes a checkpoint, closes everything."""
        self._health.ready = False
        self._opened.close()

    async def run(self) -> None:
        """Periodic work besides requests, until cancelled."""
        self._events.attach(asyncio.get_running_loop())
        async with asyncio.TaskGroup() as group:
            for job in (_again(self._dispatcher.run), _again(self._idle_streams.run), _again(self._streams.run), *self._jobs.all()):
                group.create_task(job)


async def _again(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """If the disk can't be read, a job ends; it starts again after a pause."""
    while True:
        try:
            await job()
        except Exception:
            log.exception("a job failed; it starts again", job=job.__qualname__)
        await asyncio.sleep(_AGAIN_S)
