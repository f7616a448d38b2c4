"""Worker: a Faust app that holds its share of the partitions; any number of them make one monitor."""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping, Set
from typing import Any

import faust
from faust.types import TP
from prometheus_client import CollectorRegistry

from models.clock import Clock
from models.errors import UnreadableInput
from streams.kafka.client.broker import KafkaBroker
from streams.kafka.client.faust_transport import BatchTransport, install_fast_records
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import password, servers, tls
from streams.kafka.cluster.topic_admin import admin, create, specs
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.calendar_reader import CalendarReader
from streams.kafka.exchange.progress_reader import ProgressReader
from streams.kafka.tasks import metrics
from streams.kafka.tasks.correlation_task import CorrelationTask
from streams.kafka.tasks.detection_task import DetectionTask
from streams.kafka.tasks.metrics import WorkerBoard
from streams.kafka.tasks.task import WorkerContext
from streams.kafka.tasks.task_assignment import TaskAssignment, TaskFactory
from streams.pipeline import PipelineParameters

log = logging.getLogger(__name__)
_REQUEST_S = 90.0
_COLLECT_AFTER = 100_000
"""Objects that may exist before the garbage collector examines the youngest: more than the waiting records."""
_LOOK_FOR_TOPICS_S = 5.0
Learned = Mapping[str, Any]
"""The output of `highwater learn`: new series start from it. Empty for none."""


def run(parameters: KafkaParameters, pipeline: PipelineParameters, learned: Learned, loglevel: str = "INFO") -> int:
    """Works until it is stopped; returns 0, or 1 after an error that only a restart can repair.

    Raises UnreadableInput or ConfigurationError if the brokers can't be reached, refuse us, or lack a topic that can't be created.
    """
    partitions = prepared(parameters)
    app, _ = build(parameters, pipeline, learned, partitions)
    worker = faust.Worker(app, loglevel=loglevel, redirect_stdouts=False)
    # The clients log every connection and fetch.
    for chatty in ("kafka", "aiokafka", "faust", "mode"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(loglevel)))
    _collect_rarely()
    try:
        worker.execute_from_commandline()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def _collect_rarely() -> None:
    """About ten thousand records are alive at a time and are freed without the collector: examining them costs more than reading them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def prepared(parameters: KafkaParameters) -> int:
    """Creates missing topics; returns the actual number of telemetry partitions."""
    with admin(parameters) as client:
        made = create(client, specs(parameters))
        if made:
            log.info("created the topics %s", ", ".join(made))
        described = client.describe_topics(list(Topics(parameters.topic_prefix).telemetry))
        return max(len(topic["partitions"]) for topic in described)


def build(parameters: KafkaParameters, pipeline: PipelineParameters, learned: Learned, partitions: int) -> tuple[faust.App, TaskAssignment]:
    """The app with its agents, and the task assignment that they feed; nothing is started yet."""
    clock = Clock()
    topics, board = Topics(parameters.topic_prefix), WorkerBoard(clock)
    app = faust.App(parameters.group, **_settings(parameters))
    install_fast_records()
    assignment = TaskAssignment(
        _workplace(app, parameters, pipeline, learned, topics, partitions, board, clock),
        (*topics.telemetry, *topics.stages),
        lambda fault: _crash(app, fault),
        clock,
    )
    transport = BatchTransport(app.conf.broker_consumer, app)
    transport.intake = assignment
    app.transport = transport
    # Two agents, so that correlation never waits behind a backlog of telemetry.
    for names in (topics.telemetry, topics.stages):
        channel = app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False)
        app.agent(channel, name=f"take-{names[0]}")(_taking(assignment))
    app.task(assignment.run)
    app.task(_watching(app, assignment, {spec.name for spec in specs(parameters)}))
    app.task(_answering(metrics.registry(board, pipeline, parameters, assignment, transport, clock), assignment, parameters))
    _close_with(app, assignment)
    return app, assignment


def _settings(parameters: KafkaParameters) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "broker": [f"kafka://{server}" for server in servers(parameters)],
        "store": "memory://",
        # Faust requires a folder that exists; with a store in memory it writes nothing there, so a full disk has no effect.
        "datadir": "/",
        "web_enabled": False,
        "autodiscover": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": parameters.group_instance_id or None,
        "consumer_max_fetch_size": parameters.fetch_bytes,
        "broker_max_poll_records": parameters.max_poll_records,
        "broker_session_timeout": parameters.session_timeout_s,
        "broker_heartbeat_interval": parameters.heartbeat_s,
        "broker_request_timeout": max(_REQUEST_S, parameters.session_timeout_s),
        "broker_commit_interval": parameters.checkpoint_s,
        "broker_max_poll_interval": 300.0,
        "stream_wait_empty": False,
        "stream_buffer_maxsize": 16,
        "agent_supervisor": "mode.supervisors.CrashingSupervisor",
    }
    security = parameters.security
    if security.protocol.startswith("SASL"):
        settings["broker_credentials"] = faust.SASLCredentials(
            username=security.username,
            password=password(security),
            mechanism=security.mechanism,
            ssl_context=tls(security) if security.protocol == "SASL_SSL" else None,
        )
    elif security.protocol == "SSL":
        settings["broker_credentials"] = faust.SSLCredentials(context=tls(security))
    return settings


def _workplace(
    app: faust.App,
    parameters: KafkaParameters,
    pipeline: PipelineParameters,
    learned: Learned,
    topics: Topics,
    partitions: int,
    board: WorkerBoard,
    clock: Clock,
) -> Callable[[], TaskFactory]:
    def make() -> TaskFactory:
        broker = KafkaBroker(parameters)
        site = WorkerContext(
            parameters,
            topics,
            broker.producer(),
            ProgressReader(parameters, broker, clock),
            pipeline.time.idle_s,
            broker,
            clock,
            board,
            learned,
        )
        declared = CalendarReader(parameters)

        def end_of(tp: TP) -> int | None:
            end: int | None = app.consumer.highwater(tp)
            return end

        return TaskFactory(
            site,
            declared,
            lambda number, epoch: DetectionTask(number, site, epoch, pipeline, declared, end_of),
            lambda epoch: CorrelationTask(partitions, site, epoch, pipeline, declared),
        )

    return make


def _taking(assignment: TaskAssignment) -> Callable[[Any], Any]:
    async def take(stream: Any) -> None:
        async for event in stream.events():
            await assignment.take(event.value)

    return take


def _watching(app: faust.App, assignment: TaskAssignment, needed: Set[str]) -> Callable[[], Any]:
    async def watch() -> None:
        gone: Set[str] = frozenset()
        while True:
            await asyncio.sleep(_LOOK_FOR_TOPICS_S)
            there = await assignment.topics_there()
            if there is None:
                continue
            # Twice, because a broker that just returned may not know all of them yet.
            still, gone = gone & (needed - there), needed - there
            if still:
                names = ", ".join(sorted(still))
                _crash(app, UnreadableInput(f"topics were deleted: {names}. They are recreated at the next start; their records are lost"))
                return

    return watch


def _answering(collectors: CollectorRegistry, assignment: TaskAssignment, parameters: KafkaParameters) -> Callable[[], Any]:
    async def answer() -> None:
        runner = await metrics.serve(collectors, assignment, parameters)
        if runner is not None:
            try:
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()

    return answer


def _close_with(app: faust.App, assignment: TaskAssignment) -> None:
    async def close(*_: Any, **__: Any) -> None:
        await assignment.close()

    # Before Faust stops its consumer, so that the last checkpoints are committed; the signal keeps only weak references.
    app.on_before_shutdown.connect(close, weak=False)


def _crash(app: faust.App, fault: BaseException) -> None:
    log.error("the worker stops: %r", fault)
    asyncio.get_running_loop().create_task(app.crash(fault))
