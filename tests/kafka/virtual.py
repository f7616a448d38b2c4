"""A cluster in one process under a virtual clock: fake broker, real tasks; hours of waiting take no time and every run is the same."""

import asyncio
from collections.abc import Callable, Iterable

from faust.types import TP

from models.clock import VirtualClock
from streams.kafka.client.fake_broker import FakeBroker
from streams.kafka.client.faust_transport import Batch
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.exchange.progress_reader import ProgressReader
from streams.kafka.tasks.correlation_task import CorrelationTask
from streams.kafka.tasks.detection_task import DetectionTask
from streams.kafka.tasks.metrics import WorkerBoard
from streams.kafka.tasks.task import WorkerContext
from streams.kafka.tasks.task_assignment import TaskAssignment, TaskFactory
from streams.pipeline import PipelineParameters

FETCH = 2_000
"""Records of one fetch."""


class VirtualWorker:
    """What Faust does for a worker, reduced to fetching and handing over."""

    def __init__(
        self, broker: FakeBroker, calendar: FakeCalendar, virtual: VirtualClock, parameters: KafkaParameters, pipeline: PipelineParameters
    ) -> None:
        self._broker, self._topics = broker, Topics(parameters.topic_prefix)
        clock = virtual.clock
        self.crashes: list[BaseException] = []
        self.board = WorkerBoard(clock)

        def make() -> TaskFactory:
            progress = ProgressReader(parameters, broker, clock)
            context = WorkerContext(
                parameters,
                self._topics,
                broker.producer(),
                progress,
                pipeline.time.idle_s,
                broker,
                clock,
                self.board,  # type: ignore[arg-type]
            )
            return TaskFactory(
                context,
                calendar,
                lambda number, epoch: DetectionTask(number, context, epoch, pipeline, calendar, self._end_of),
                lambda epoch: CorrelationTask(parameters.partitions, context, epoch, pipeline, calendar),
            )

        self.assignment = TaskAssignment(make, (*self._topics.telemetry, *self._topics.stages), self.crashes.append, clock)
        self._positions: dict[TP, int] = {}
        self._assigned: frozenset[TP] = frozenset()
        self._running: list[asyncio.Task[None]] = []
        self.is_lost: Callable[[], bool] = lambda: False
        """Whether the next fetch goes astray after it was accepted, as in Faust when the group rebalances meanwhile."""
        self.is_moved: Callable[[], bool] = lambda: False
        """Whether the position is set elsewhere during the next fetch, as Faust does with the committed offset."""

    def start(self) -> None:
        self._running = [asyncio.create_task(self.assignment.run()), asyncio.create_task(self._fetch())]

    def kill(self) -> None:
        """Nothing more is done or sent, not even a checkpoint."""
        for task in [*self._running, *self.assignment._tasks]:
            task.cancel()
        for unit in self.assignment.units:
            unit.active = False

    async def assign(self, tps: Iterable[TP], generation: int) -> None:
        self._assigned = frozenset(tps)
        await self.assignment.assigned(self._assigned, generation)

    def _end_of(self, tp: TP) -> int | None:
        return self._broker.log(tp.topic, tp.partition).end

    async def _fetch(self) -> None:
        while True:
            wanted = self.assignment.wanted(self._assigned)
            self._positions.update(self.assignment.begins(wanted))
            brought = False
            for tp in sorted(wanted):
                brought |= await self._fetch_one(tp)
            await asyncio.sleep(0 if brought else 0.05)

    async def _fetch_one(self, tp: TP) -> bool:
        start, moved = self._positions[tp], self.is_moved()
        records = self._broker.read(tp.topic, tp.partition, start + FETCH // 10 if moved else start, FETCH)
        if not records:
            return False
        first, end = records[0].offset, records[-1].offset + 1
        accepted = self.assignment.accept(tp, None if moved else start, first, end)
        if not accepted.fits:
            accepted = self.assignment.accept(tp, None if moved else start, first, end, self._broker.log(tp.topic, tp.partition).first)
        self._positions[tp] = end if accepted.fits else accepted.start
        if accepted.fits and not self.is_lost():
            await self.assignment.take(Batch(tp, records, accepted.start, end, self.assignment.epoch(tp)))
        return True


class VirtualCluster:
    """Workers that share the partitions of a fake broker."""

    def __init__(self, parameters: KafkaParameters, pipeline: PipelineParameters, calendar: FakeCalendar) -> None:
        self.virtual, self.calendar = VirtualClock(), calendar
        self._parameters, self._pipeline = parameters, pipeline
        self.topics = Topics(parameters.topic_prefix)
        self.workers: list[VirtualWorker] = []
        self._generation = 0

    async def open(self, workers: int) -> None:
        """To be called within the loop of the virtual clock."""
        self.broker = FakeBroker()
        for _ in range(workers):
            self.workers.append(VirtualWorker(self.broker, self.calendar, self.virtual, self._parameters, self._pipeline))
            self.workers[-1].start()
        await self.rebalance()

    async def rebalance(self) -> None:
        """The group shares the partitions anew."""
        self._generation += 1
        for worker in self.workers:
            if self._generation > 1:
                await worker.assignment.revoked()
        shares: list[list[TP]] = [[] for _ in self.workers]
        for number in range(self._parameters.partitions):
            shares[number % len(shares)] += [TP(topic, number) for topic in self.topics.telemetry]
        shares[-1] += [TP(topic, 0) for topic in self.topics.stages]
        for worker, share in zip(self.workers, shares, strict=True):
            await worker.assign(share, self._generation)

    async def kill(self, number: int) -> None:
        """A worker dies; the others hear of it once its session is over."""
        self.workers.pop(number).kill()
        await asyncio.sleep(self._parameters.session_timeout_s)
        await self.rebalance()

    async def replace(self, number: int) -> None:
        """A worker that stopped is started again."""
        self.workers.pop(number).kill()
        await asyncio.sleep(self._parameters.session_timeout_s)
        self.workers.append(VirtualWorker(self.broker, self.calendar, self.virtual, self._parameters, self._pipeline))
        self.workers[-1].start()
        await self.rebalance()

    def outputs(self) -> list[bytes]:
        """Everything for people, each once: topic and value, sorted."""
        prefix = self._parameters.topic_prefix
        names = [name for name in self.broker.topics() if name.removeprefix(prefix).startswith(("impact-", "change-reports"))]
        return sorted({name.removeprefix(prefix).encode() + b" " + value for name in names for value in self.broker.values(name)})

    async def until(self, count: int, limit_s: float) -> None:
        """Waits until there are `count` outputs, or the virtual time is up."""
        end_s = self.virtual.elapsed_s + limit_s
        while len(self.outputs()) < count and self.virtual.elapsed_s < end_s:
            await asyncio.sleep(1.0)
