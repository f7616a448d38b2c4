"""Composition root: builds every part of the embedded monitor from its settings; nothing else builds one."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from changes.parameters import ChangesParameters
from models.clock import Clock
from models.errors import UnreadableInput
from models.times import DAY_US, HOUR_US
from service.access import Role
from service.alertmanager.push import Pusher
from service.alertmanager.silence_sync import Silencer
from service.auth import oidc, opaque_ids
from service.auth.authentication import SignIn
from service.auth.failed_sign_ins import FailedSignIns
from service.auth.opaque_ids import OpaqueIds
from service.auth.open_streams import OpenStreams
from service.auth.token_admin import settle_admin
from service.charts.compaction import Keep
from service.charts.heat import HeatReader
from service.engine.checkpoints import Checkpoints
from service.engine.committer import CommitListener
from service.engine.engine import Engine, EngineParameters
from service.event_stream import EventStream
from service.health import Health
from service.ingest.idle_streams import IdleStreams
from service.ingest.intake import Intake, RemoteIntake
from service.ingest.journal import Journal
from service.ingest.series_count_file import SeriesCountFile
from service.ingest.series_quota import SeriesQuota
from service.ingest.turns import Turns
from service.metrics import DeskBoard, Gauges, registry
from service.monitor import Follower, Monitor
from service.notify.dispatcher import Dispatcher
from service.notify.sources import Sources
from service.operations.folder_lock import lock
from service.operations.periodic_jobs import PeriodicJobs
from service.parameters import ServeParameters
from service.planning.plans import Planning, planning_rules
from service.planning.risk_book import RiskBook
from service.planning.room import PlanningRoom
from service.store.database import Database
from service.store.messages import deliveries
from service.store.records import Logged, Row
from service.triage.change_declaration import ChangeDeclarations
from service.triage.change_notices import ChangeNotices
from service.triage.declaration_records import DeclarationBook
from service.triage.desk import TriageDesk
from service.triage.watched_folder import WatchedFolder
from streams.kafka.cluster.parameters import KafkaParameters
from streams.metrics.collector import CollectorInputs
from streams.pipeline import PipelineParameters

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the monitor. Handlers and commands take the parts that they use, one by one."""

    parameters: ServeParameters
    clock: Clock
    monitor: Monitor
    """Starts and stops the others."""
    database: Database
    journal: Journal
    board: DeskBoard
    engine: Engine
    intake: Intake
    ids: OpaqueIds
    events: EventStream
    authentication: SignIn
    streams: OpenStreams
    series_quota: SeriesQuota
    turns: Turns
    """Of the tokens that send events."""
    declarations: ChangeDeclarations
    planning: Planning
    planning_room: PlanningRoom
    declaration_book: DeclarationBook
    triage_desk: TriageDesk
    dispatcher: Dispatcher
    pusher: Pusher
    silencer: Silencer
    jobs: PeriodicJobs
    health: Health
    sources: Sources
    keep: Keep
    heat: HeatReader
    idle_s: float
    """A source without events for this long counts as stopped."""
    false_alarms_per_day: float
    """The budget of the whole fleet."""
    registry: CollectorRegistry
    announce: CommitListener
    """Notifies listeners and subscribers of records that were just committed."""
    first_secret: str | None
    """An admin's token, created because there was none; show it once."""


def compose(
    parameters: ServeParameters,
    flow: PipelineParameters,
    *,
    clock: Clock | None = None,
    open_role: Role | None = None,
    kafka: KafkaParameters | None = None,
    changes: ChangesParameters | None = None,
) -> Parts:
    """A monitor on the data folder of `parameters`, which it locks. `monitor.start` starts it, `monitor.close` releases the folder.

    `open_role`: the rights of anyone on this machine without a token, for the demo only. `kafka`: page and API show the workers' decisions,
    and posted events are sent to them. Raises UnreadableInput or ConfigurationError if the folder or a setting can't be used.
    """
    clock = clock or Clock()
    with ExitStack() as stack:
        folder = parameters.data_dir
        lock(folder, stack)
        _refuse_a_lost_data_file(folder)
        database = Database(folder / "highwater.sqlite")
        stack.callback(database.close)
        first_secret = settle_admin(database, parameters.admin_token, clock.wall_us(), open_role)
        journal = _journal(parameters, stack)

        key = database.write(opaque_ids.settled_key).result()
        ids = OpaqueIds(key)
        board = DeskBoard(database, clock.wall_us)
        engine_parameters = EngineParameters(
            parameters.max_body_bytes, parameters.checkpoint_every_s, parameters.dead_letters, parameters.recovery_work_s
        )
        engine = Engine(engine_parameters, flow, database, journal, Checkpoints(folder / "checkpoints"), clock, board)
        forwarder = _forwarder(parameters, kafka, clock, stack)
        calendar = changes or ChangesParameters()
        intake = Intake(journal, clock, int(parameters.backlog_mb * 1_000_000), forwarder)
        sources = Sources(database, intake, clock, parameters.source_stopped_after_s)
        health = Health(intake, engine, sources)

        planning = Planning(database, planning_rules(calendar, flow.correlation), calendar.sec, flow.time.holiday_calendar)
        room = PlanningRoom(engine, planning, RiskBook(database, clock), clock, parameters.quotas.compared_changes)
        stack.callback(room.close)
        declarations = ChangeDeclarations(database, intake, engine, clock, parameters.declarations, parameters.quotas)
        events = EventStream(database)
        dispatcher = Dispatcher(database, parameters.subscriptions, clock, random.Random(), ids, parameters.public_url)  # noqa: S311 - jitter

        def announce(added: Sequence[tuple[Logged, Row]]) -> None:
            events.publish([logged for logged, _ in added])
            if added:
                dispatcher.wake_soon()

        engine.on_commit(announce)
        pusher = Pusher(database, parameters.alertmanager_urls, parameters.public_url, clock)
        silencer = Silencer(database, parameters.alertmanager_urls, engine.declared_changes, clock, opaque_ids.monitor_id(key))
        keep = Keep(parameters.raw_hours * HOUR_US, parameters.minute_days * DAY_US, parameters.quarter_days * DAY_US)
        watched = None
        if calendar.watch is not None:
            watched = WatchedFolder(calendar.watch, folder, declarations, clock), float(calendar.watch_every_s)
        notices = ChangeNotices(database, engine, planning, clock, dispatcher.wake_soon)
        jobs = PeriodicJobs(
            database, parameters, keep, clock, dispatcher.wake_soon, health.fault, pusher, silencer, planning, notices, sources, watched
        )
        idle_streams = IdleStreams(intake, clock, float(flow.time.idle_s))
        series_quota = SeriesQuota(parameters.quotas.series_per_token)
        series_count = SeriesCountFile(parameters.data_dir, series_quota)
        series_count.read()
        followers = (series_count, *_followers(kafka, database, engine, intake, board, clock, announce))
        failed = FailedSignIns(database, clock, parameters.quotas.failed_sign_ins_per_minute)
        authentication = SignIn(database, clock, oidc.provider(parameters.oidc, clock), open_role, parameters.public_url, failed)
        streams = OpenStreams(authentication, events.ring)
        collected = registry(
            board, _collected(parameters, flow, engine, clock), _gauges(database, engine, intake, events, pusher, health, sources, clock)
        )
        monitor = Monitor(engine, intake, board, events, dispatcher, jobs, idle_streams, streams, health, followers, stack.pop_all())
        return Parts(
            parameters=parameters,
            clock=clock,
            monitor=monitor,
            database=database,
            journal=journal,
            board=board,
            engine=engine,
            intake=intake,
            ids=ids,
            events=events,
            authentication=authentication,
            streams=streams,
            series_quota=series_quota,
            turns=Turns(),
            declarations=declarations,
            planning=planning,
            planning_room=room,
            declaration_book=DeclarationBook(database, clock),
            triage_desk=TriageDesk(database, clock, events),
            dispatcher=dispatcher,
            pusher=pusher,
            silencer=silencer,
            jobs=jobs,
            health=health,
            sources=sources,
            keep=keep,
            heat=HeatReader(),
            idle_s=float(flow.time.idle_s),
            false_alarms_per_day=flow.detection.false_alarms_per_day,
            registry=collected,
            announce=announce,
            first_secret=first_secret,
        )


def _refuse_a_lost_data_file(folder: Path) -> None:
    """The data file is made before the journal and the checkpoints: beside them a missing or empty one was lost."""
    file = folder / "highwater.sqlite"
    if file.exists() and file.stat().st_size:
        return
    if any(one.stat().st_size for part in ("journal", "checkpoints") for one in (folder / part).glob("*[0-9].*") if one.is_file()):
        raise UnreadableInput(
            f"the data file {file} is missing or empty, and with it tokens, changes and alerts: restore a backup,"
            f" or move {folder} away to begin from nothing"
        )


def _journal(parameters: ServeParameters, stack: ExitStack) -> Journal:
    journal = Journal(parameters.data_dir / "journal", int(parameters.segment_mb * 1_000_000))
    stack.callback(journal.close)
    if journal.truncated_bytes:
        log.warning("the journal ended with an incomplete entry that was never acknowledged; it is removed", bytes=journal.truncated_bytes)
    return journal


def _forwarder(parameters: ServeParameters, kafka: KafkaParameters | None, clock: Clock, stack: ExitStack) -> RemoteIntake | None:
    if kafka is None:
        return None
    from service.kafka.event_forwarder import EventForwarder

    forwarder = EventForwarder(kafka, int(parameters.backlog_mb * 1_000_000), clock)
    stack.callback(forwarder.close)
    return forwarder


def _followers(
    kafka: KafkaParameters | None,
    database: Database,
    engine: Engine,
    intake: Intake,
    board: DeskBoard,
    clock: Clock,
    announce: CommitListener,
) -> Sequence[Follower]:
    if kafka is None:
        return ()
    from service.kafka.result_reader import ResultReader

    return (ResultReader(kafka, database, engine, intake, board, clock, announce),)


def _collected(parameters: ServeParameters, flow: PipelineParameters, engine: Engine, clock: Clock) -> CollectorInputs:
    detection = flow.detection
    return CollectorInputs(
        clock.wall_us, engine.declared_changes, parameters.metric_users, detection.false_alarms_per_day, detection.fleet_series
    )


def _gauges(
    database: Database, engine: Engine, intake: Intake, events: EventStream, pusher: Pusher, health: Health, sources: Sources, clock: Clock
) -> Gauges:
    return Gauges(
        lambda: intake.waiting_bytes,
        lambda: clock.steady_s() - engine.checkpointed_s,
        lambda: events.listeners.total(),
        lambda: database.read(partial(deliveries.overdue, now_us=clock.wall_us())),
        lambda: pusher.outcomes,
        lambda: health.fault() is not None,
        lambda: engine.quarantined,
        lambda: {source.name: source.quiet_s for source in sources.states()},
    )
