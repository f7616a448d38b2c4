"""Task assignment: the tasks of this worker, from one assignment of the consumer group to the next."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from models.clock import Clock
from models.errors import HighwaterError
from streams.kafka.client.faust_transport import Accepted, Batch
from streams.kafka.client.leaked_cancellation import uncancelled
from streams.kafka.exchange.calendar_reader import CalendarLog
from streams.kafka.tasks.quarantine import TRANSIENT, PoisonError, Quarantine
from streams.kafka.tasks.task import EPOCHS, Task, WorkerContext

log = logging.getLogger(__name__)
_LOOK_S = 0.1
_MOST_TRANSIENT, _TRANSIENT_PAUSE_S = 5, 1.0
"""How often a task begins again in a row after an error of the machine, and after which pause; then its worker stops."""
_LAST_CHECKPOINT_S = 5.0
"""Maximum time that a rebalance waits for checkpoints: unwritten work is repeated by the successor."""


@dataclass(frozen=True)
class TaskFactory:
    """How tasks are made; a test may replace all of it."""

    site: WorkerContext
    declared: CalendarLog
    telemetry: Callable[[int, int], Task]
    """(partition, epoch) → task."""
    correlation: Callable[[int], Task]
    """epoch → unit."""


class TaskAssignment:
    """Faust's batch receiver: starts tasks, passes batches to them, releases them."""

    def __init__(
        self, make: Callable[[], "TaskFactory"], topics: Iterable[str], crash: Callable[[BaseException], None], clock: Clock
    ) -> None:
        self._clock = clock
        self.topics = frozenset(topics)
        self._make = make
        self._crash = crash
        self._factory: TaskFactory | None = None
        self._units: dict[str, Task] = {}
        self._by_input: dict[TP, Task] = {}
        self._generation = -1
        self._tasks: set[asyncio.Task[None]] = set()
        self._restarts = 0
        self._transient: dict[str, int] = {}
        """Name of a task → how often it met an error of the machine in a row."""
        self._quarantines: dict[str, Quarantine] = {}
        """One quarantine for each task that this worker has held."""
        self.rebalances = 0

    @property
    def restarts(self) -> int:
        """Tasks restarted from their checkpoint since the worker started."""
        return self._restarts

    @property
    def quarantined(self) -> int:
        """Records and windows that this worker has left out since it started."""
        return sum(quarantine.total for quarantine in self._quarantines.values())

    @property
    def units(self) -> tuple[Task, ...]:
        """Tasks that this worker holds now."""
        return tuple(self._units.values())

    def wanted(self, active: Iterable[TP]) -> set[TP]:
        """Partitions whose task is ready and has room."""
        return {
            tp for tp in active if tp.topic not in self.topics or ((unit := self._by_input.get(TP(*tp))) is not None and unit.wants(tp))
        }

    def begins(self, wanted: Iterable[TP]) -> dict[TP, int]:
        """Where newly assigned tasks begin to read; without it a log without new records would not be read again."""
        offsets = {}
        for tp in wanted:
            unit = self._by_input.get(TP(*tp))
            if unit is not None and unit.ready and TP(*tp) not in unit.placed:
                unit.placed.add(TP(*tp))
                offsets[TP(*tp)] = unit.backlog[tp.topic]
        return offsets

    def accept(self, tp: TP, position: int | None, first: int, end: int, log_start: int = 0) -> Accepted:
        """Where reading must continue, see `BatchReceiver`; a gap is part of the log if reading began at its start or retention made it."""
        unit = self._by_input.get(tp)
        if unit is None:
            return Accepted(first, fits=True)
        expected = self.expected(tp)
        if position != expected and first > max(expected, log_start):
            return Accepted(max(expected, log_start), fits=False)
        if log_start > expected:
            log.warning("records %d to %d of %s-%d were removed before they were read", expected, first - 1, tp.topic, tp.partition)
        unit.next_offsets[tp] = max(expected, end)
        return Accepted(expected, fits=True)

    def expected(self, tp: TP) -> int:
        """The offset that comes next of `tp`; without a task nothing is expected."""
        unit = self._by_input.get(tp)
        return sys.maxsize if unit is None else unit.next_offsets.get(tp, unit.backlog[tp.topic])

    def epoch(self, tp: TP) -> int:
        """Epoch of the task that reads `tp` now; -1 if none does."""
        unit = self._by_input.get(tp)
        return -1 if unit is None else unit.epoch

    def covered(self) -> Mapping[TP, int]:
        """What checkpoints cover."""
        return {tp: offset for unit in self._units.values() for tp, offset in unit.covered.items()}

    async def take(self, batch: Batch) -> None:
        """One batch from Faust; returns when it is processed.

        Faust drops what was fetched while it rebalances, and may then fail to read it again: what follows a gap is fetched again.
        """
        unit = self._by_input.get(batch.tp)
        if unit is None or unit.epoch != batch.epoch or not unit.ready or not unit.active:
            return
        expected = max(unit.backlog[batch.tp.topic], unit.taken.get(batch.tp, 0))
        if batch.start > expected:
            log.warning("%s-%d is read again from offset %d: a fetch was lost", batch.tp.topic, batch.tp.partition, expected)
            unit.next_offsets.pop(batch.tp, None)
            unit.placed.discard(batch.tp)
            return
        unit.take(batch.tp.topic, batch.records, batch.end)
        unit.taken[batch.tp] = max(expected, batch.end)
        await self._guard(unit, unit.process)

    async def assigned(self, tps: frozenset[TP], generation: int) -> None:
        """Keeps the tasks that no other worker can have held in between, and starts the others from their checkpoints."""
        factory = await self._open()
        before = self._units
        kept = before if generation == self._generation + 1 else {}
        self.rebalances += 1
        self._generation, self._units = generation, {}
        for tp in sorted(tps):
            if tp.topic in self.topics:
                self._hold(factory, tp, kept)
        for name in set(before) - set(self._units):
            factory.site.board.leave(name)
        self._by_input = {tp: unit for unit in self._units.values() for tp in unit.inputs}
        for unit in self._units.values():
            unit.tasks_on_worker = len(self._units)

    async def revoked(self) -> None:
        """Writes a last checkpoint; tasks stay until it is known whether they return."""
        units = [unit for unit in self._units.values() if unit.ready and unit.active]
        done, late = (
            await asyncio.wait([asyncio.create_task(unit.checkpoint()) for unit in units], timeout=_LAST_CHECKPOINT_S)
            if units
            else ((), ())
        )
        for task in late:
            task.cancel()
        for task in done:
            if task.exception() is not None:
                log.warning("no last checkpoint: %r", task.exception())
        for unit in self._units.values():
            unit.active = False

    async def run(self) -> None:
        """Runs the periodic work of the tasks, until cancelled."""
        while True:
            began_s = self._clock.steady_s()
            for unit in self.units:
                await self._guard(unit, unit.tick)
            await asyncio.sleep(max(0.0, _LOOK_S - (self._clock.steady_s() - began_s)))

    async def topics_there(self) -> Set[str] | None:
        """Names of the topics at the brokers; None if they do not answer now."""
        return await self._factory.site.others.topics() if self._factory is not None else None

    async def close(self) -> None:
        """Writes last checkpoints, then closes the clients."""
        await self.revoked()
        for task in self._tasks:
            task.cancel()
        if self._factory is not None:
            await self._factory.site.others.stop()
            try:
                await asyncio.wait_for(self._factory.site.sender.stop(), _LAST_CHECKPOINT_S)
            except TimeoutError:
                log.warning("the brokers did not accept everything before the end: the successor sends it again")
            await self._factory.declared.close()

    def _hold(self, factory: TaskFactory, tp: TP, kept: dict[str, Task]) -> None:
        name = f"partition-{tp.partition}" if tp.topic in factory.site.topics.telemetry else "correlation"
        if name in self._units:
            return
        unit = kept.get(name)
        if unit is not None and unit.ready and unit.failed is None:
            # Faust's queues are empty now: reading continues after the last record of the task.
            unit.next_offsets.clear()
            unit.placed.clear()
            unit.active = True
            self._units[name] = unit
        else:
            self._begin(factory, name)

    def _begin(self, factory: TaskFactory, name: str, pause_s: float = 0.0) -> None:
        epoch = self._generation * EPOCHS + self._restarts % EPOCHS
        unit = factory.correlation(epoch) if name == "correlation" else factory.telemetry(int(name.removeprefix("partition-")), epoch)
        unit.leave_out(self._quarantines.setdefault(name, Quarantine()))
        self._units[name] = unit
        self._by_input.update(dict.fromkeys(unit.inputs, unit))
        task = asyncio.create_task(self._restore(unit, pause_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restore(self, unit: Task, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        failures = 0
        while self._units.get(unit.name) is unit:
            try:
                await uncancelled(unit.restore())
            except (KafkaError, *TRANSIENT) as fault:
                failures += not isinstance(fault, KafkaError)
                if failures > _MOST_TRANSIENT:
                    self._crash(fault)
                    return
                log.warning("%s can't be taken over now, trying again: %r", unit.name, fault)
                await asyncio.sleep(1.0)
            except Exception as fault:
                self._crash(fault)
                return
            else:
                return

    async def _guard(self, unit: Task, work: Callable[[], Awaitable[Any]]) -> None:
        """A task that lost an output record, that a record breaks, or that the machine fails restarts from its checkpoint.

        Any other error ends the worker, also one that comes again and again.
        """
        try:
            await self._attempt(unit, work)
        except asyncio.CancelledError:
            raise
        except HighwaterError as fault:
            log.error("%s stops: %s", unit.name, fault)
            self._stop_worker(unit, fault)
        except Exception as fault:
            log.exception("%s failed", unit.name)
            self._stop_worker(unit, fault)

    async def _attempt(self, unit: Task, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except KafkaError as fault:
            log.warning("%s restarts from its checkpoint: %r", unit.name, fault)
            self._begin_again(unit, fault)
        except PoisonError as poison:
            log.exception("%s begins again at its checkpoint: records break the work; please report this", unit.name)
            self._quarantines[unit.name].note(poison)
            self._begin_again(unit, poison)
        except TRANSIENT as fault:
            # A checkpoint since the last one means that the work goes on in between.
            times = self._transient[unit.name] = 1 if unit.spent.checkpoints else self._transient.get(unit.name, 0) + 1
            if times > _MOST_TRANSIENT:
                raise HighwaterError(
                    f"{unit.name} can't go on: {fault!r}, {times} times in a row; nothing is left out for it. Give this machine what it"
                    " lacks, most often memory, and start the worker again"
                ) from fault
            log.warning("%s begins again at its checkpoint in %g s: the machine failed: %r", unit.name, _TRANSIENT_PAUSE_S, fault)
            self._begin_again(unit, fault, _TRANSIENT_PAUSE_S)

    def _stop_worker(self, unit: Task, fault: Exception) -> None:
        """The state of `unit` may be half changed: nothing of it goes into the last checkpoint."""
        unit.failed, unit.active = fault, False
        self._crash(fault)

    def _begin_again(self, unit: Task, fault: Exception, pause_s: float = 0.0) -> None:
        unit.failed, unit.active = fault, False
        if self._units.get(unit.name) is unit and self._factory is not None:
            self._restarts += 1
            self._begin(self._factory, unit.name, pause_s)

    async def _open(self) -> TaskFactory:
        if self._factory is None:
            factory = self._make()
            await factory.declared.open()
            await factory.site.sender.start()
            await factory.site.others.start()
            self._factory = factory
        return self._factory
