"""The embedded monitor: journal, engine, data file and everything that is done beside them, opened and closed as one."""

import asyncio
import fcntl
import random
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import structlog

from models.change import Change
from models.errors import ConfigurationError, UnreadableInput
from models.times import DAY_US, HOUR_US
from service.access import Role
from service.auth import oidc, opaque_ids
from service.auth.authentication import SignIn
from service.auth.opaque_ids import OpaqueIds
from service.auth.token_admin import FIRST_START, issue
from service.charts.compaction import Keep
from service.clock import Clock
from service.engine.checkpoints import Checkpoints
from service.engine.engine import Engine, EngineParameters
from service.http.event_stream import EventStream
from service.ingest.intake import Intake
from service.ingest.journal import IDLE, Journal
from service.metrics import Gauges, registry
from service.notify.dispatcher import Dispatcher
from service.operations.periodic_jobs import PeriodicJobs
from service.parameters import ServeParameters
from service.store import outbox, records, tokens
from service.store.database import Database
from service.store.records import ALERT, INCIDENT, Logged, Row
from streams.metrics.collector import CollectorInputs
from streams.pipeline import PipelineParameters

log = structlog.get_logger()
_CONFIGURED = "configured-admin"
_GOOD_SECRET = 16
_AGAIN_S = 2.0


class Monitor:
    """One data folder, one process. `open` recovers, `run` does what is due beside requests, `close` leaves a checkpoint."""

    def __init__(
        self, parameters: ServeParameters, flow: PipelineParameters, clock: Clock | None = None, open_role: Role | None = None
    ) -> None:
        self.parameters, self.flow = parameters, flow
        self.clock = clock or Clock()
        self.open_role = open_role
        self.first_secret: str | None = None
        """An admin's token, made because there was none; show it once."""
        self.body_limit = int(parameters.max_body_mb * 1_000_000)
        self.keep = Keep(parameters.raw_hours * HOUR_US, parameters.minute_days * DAY_US, parameters.quarter_days * DAY_US)
        self.ready = False
        self.declaring = asyncio.Lock()
        """Revisions are numbered one after the other."""
        self._stack = ExitStack()

    def open(self) -> None:
        """Lock the folder, bring the data file up to date, judge what the journal holds, start to take in."""
        with ExitStack() as stack:
            folder = self.parameters.data_dir
            self._lock(stack)
            self.database = Database(folder / "highwater.sqlite")
            stack.callback(self.database.close)
            self._settle_admin()
            journal = Journal(folder / "journal", int(self.parameters.segment_mb * 1_000_000))
            stack.callback(journal.close)
            if journal.truncated_bytes:
                log.warning(
                    "the journal ended in the middle of an entry that nobody was told of; it is taken off", bytes=journal.truncated_bytes
                )
            self.places = OpaqueIds(self.database.write(opaque_ids.settled_key).result())
            self.hub = EventStream(self.database)
            self.engine = Engine(
                EngineParameters(self.body_limit, self.parameters.checkpoint_every_s, self.parameters.dead_letters),
                self.flow,
                self.database,
                journal,
                Checkpoints(folder / "checkpoints"),
                self.clock,
            )
            self._read_board()
            self.engine.on_commit(self.told)
            judged = self.engine.recover()
            log.info("recovered", entries=judged, position=self.engine.seq)
            self.intake = Intake(journal, self.clock, int(self.parameters.backlog_mb * 1_000_000))
            self.intake.remember(self.engine.streams)
            self.intake.start()
            self.engine.start(self.intake)
            stack.callback(self.engine.close)
            stack.callback(self.intake.close)
            self.sign_in = SignIn(self.database, self.clock, oidc.provider(self.parameters.oidc, self.clock), self.open_role)
            self.dispatcher = Dispatcher(self.database, self.parameters.subscriptions, self.clock, random.Random(), self.places)  # noqa: S311 - jitter
            self.duties = PeriodicJobs(self.database, self.parameters, self.keep, self.clock, self.wake, self._changes, self.fault)
            self._stack = stack.pop_all()
        self.registry = registry(self.engine.board, self._asked(), self._gauges())
        self.ready = True

    def close(self) -> None:
        """Judge and commit what was taken, leave a checkpoint, close everything."""
        self.ready = False
        self._stack.close()

    async def run(self) -> None:
        """What happens beside requests, until cancelled."""
        self._loop = asyncio.get_running_loop()
        self.hub.attach(self._loop)
        async with asyncio.TaskGroup() as group:
            for duty in (_again(self.dispatcher.run), _again(self._watch_streams), *self.duties.all()):
                group.create_task(duty)

    def fault(self) -> str | None:
        """Why the monitor does not work at the moment."""
        return self.intake.fault or self.engine.fault

    def wake(self) -> None:
        """Messages may be due; from any thread."""
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.dispatcher.wake)

    def told(self, added: Sequence[tuple[Logged, Row]]) -> None:
        """Records just committed: listeners hear of them, and messages may be due."""
        self.hub.publish([logged for logged, _ in added])
        if added:
            self.wake()

    async def _watch_streams(self) -> None:
        idle_s = float(self.flow.time.idle_s)
        while True:
            await asyncio.sleep(min(1.0, idle_s / 2))
            for stream in self.intake.newly_idle(idle_s):
                try:
                    await asyncio.wrap_future(self.intake.submit(IDLE, stream, b"", None, self.clock.wall_us()))
                except OSError:  # `fault` says why; until it is on disk, this stream holds the others' windows open
                    self.intake.undo_idle(stream)

    def _gauges(self) -> Gauges:
        return Gauges(
            lambda: self.intake.waiting_bytes,
            lambda: self.clock.steady_s() - self.engine.checkpointed_s,
            lambda: self.hub.listeners.total(),
            lambda: self.database.read(partial(outbox.overdue, now_us=self.clock.wall_us())),
            lambda: self.duties.pusher.outcomes,
            lambda: self.fault() is not None,
        )

    def _asked(self) -> CollectorInputs:
        detection = self.flow.detection
        return CollectorInputs(
            self.clock.wall_us,
            self._changes,
            self.parameters.metric_users,
            detection.false_alarms_per_day,
            detection.fleet_series,
        )

    def _changes(self) -> list[Change]:
        return list(self.engine.changes.values())

    def _read_board(self) -> None:
        alerts, incidents = (self.database.read(partial(records.standing_open, kind=kind)) for kind in (ALERT, INCIDENT))
        self.engine.board.stood_before([body for *_, body in alerts], [body for *_, body in incidents])

    def _settle_admin(self) -> None:
        secret = self.parameters.admin_token
        now_us = self.clock.wall_us()
        if secret is not None:
            if not secret.get_secret_value().strip():
                raise ConfigurationError("serve.admin_token is empty: leave it out, and one is made at first start")
            if len(secret.get_secret_value()) < _GOOD_SECRET:
                log.warning("serve.admin_token is short: `openssl rand -base64 32` makes a good one")
            settle = partial(
                tokens.settle,
                secret=secret.get_secret_value(),
                role=str(Role.ADMIN),
                name="admin (configuration)",
                token_id=_CONFIGURED,
                now_us=now_us,
            )
            self.database.write(settle).result()
        elif self.open_role is None and not self.database.read(_has_admin):
            first = partial(issue, by=FIRST_START, role=str(Role.ADMIN), name="first admin", now_us=now_us)
            self.first_secret = self.database.write(first).result()[1]

    def _lock(self, stack: ExitStack) -> None:
        folder = self.parameters.data_dir
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = stack.enter_context((folder / "serve.lock").open("w"))
        except OSError as fault:
            raise UnreadableInput(f"can't write in the data folder {folder}: {fault.strerror}; choose another with --data") from fault
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UnreadableInput(f"another monitor runs on the data folder {folder}: stop it, or choose another with --data") from None


def _has_admin(connection: sqlite3.Connection) -> bool:
    return any(token.role == Role.ADMIN and token.revoked_us is None for token in tokens.listed(connection))


async def _again(duty: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A disk that refuses to be read ends a duty; it begins anew when that may be over."""
    while True:
        try:
            await duty()
        except Exception:
            log.exception("a duty failed; it begins anew", duty=duty.__qualname__)
        await asyncio.sleep(_AGAIN_S)
