"""Correlation task: the one worker that reads the findings of all partitions, decides, and publishes."""

from collections.abc import Mapping
from typing import Any

from faust.types import TP

from streams.kafka.client.output_records import OutputRecord
from streams.kafka.client.user_topics import UserTopics
from streams.kafka.exchange.calendar_reader import CalendarLog
from streams.kafka.exchange.progress_reader import CALENDAR
from streams.kafka.exchange.stage_records import FINDINGS_HEADER, PartitionProgress
from streams.kafka.tasks.correlation_pipeline import CorrelationPipeline
from streams.kafka.tasks.quarantine import Quarantine
from streams.kafka.tasks.task import Task, WorkerContext, starts
from streams.pipeline import PipelineParameters

_WAITING_MOST = 2_000
STANDING = "standing"
"""Part of a checkpoint: the alerts and incidents that are open, for metrics."""


class CorrelationTask(Task):
    """Feeds the correlation and reports in the findings topic when more of the calendar counts."""

    def __init__(self, partitions: int, site: WorkerContext, epoch: int, parameters: PipelineParameters, declared: CalendarLog) -> None:
        inputs = frozenset(TP(topic, 0) for topic in site.topics.stages)
        super().__init__("correlation", inputs, 0, site, epoch)
        self._correlation = CorrelationPipeline(partitions, site.topics, parameters, declared, site.board.decided)
        self._user_topics = UserTopics(site.parameters, site.broker)
        self._announced = -1

    @property
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""
        return self._correlation.positions

    @property
    def passed(self) -> dict[str, int]:
        """Where the state stands in the calendar and in event time."""
        return self._correlation.passed

    @property
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""
        return self._correlation.backlog

    def wants(self, tp: TP) -> bool:
        """Whether the task has room and is not too far ahead."""
        return self.ready and self.active and self._correlation.waiting(tp.topic) < _WAITING_MOST

    def take(self, topic: str, records: list[Any], end: int) -> None:  # noqa: ARG002 - as every task takes them
        """Records of one fetch; `end` has no meaning here, because our own stages write no transactions."""
        self._correlation.take(topic, records)

    async def work(self) -> bool:
        """One bounded unit of work with its output records."""
        sends = self._correlation.step()
        if sends is None:
            return False
        if self._correlation.left_out:
            self._correlation.left_out = False
            self.hurry()
        if sends:
            await self._user_topics.ensure(sends)
            await self._outbox.send(sends)
        return True

    async def on_timer(self) -> None:
        """The periodic work."""
        end = self._correlation.news
        if end is None or end <= self._announced:
            return
        self._announced = end
        progress = PartitionProgress(CALENDAR, self.epoch, 0, {}, None, end)
        await self._outbox.send([OutputRecord(self._site.topics.findings, b"calendar", b"", ((FINDINGS_HEADER, progress.pack()),), 0)])

    def leave_out(self, quarantine: Quarantine) -> None:
        """Works from now on without the records and windows that `quarantine` names."""
        super().leave_out(quarantine)
        self._correlation.quarantine = quarantine

    def state(self) -> dict[str, bytes]:
        """For a checkpoint."""
        return {**self._correlation.state(), STANDING: self._site.board.pack_standing()}

    async def resume(
        self, parts: Mapping[str, bytes] | None, about: Mapping[str, Any], begins: dict[str, int], ends: dict[str, int]
    ) -> None:
        """Restores a checkpoint."""
        if parts is not None:
            self._correlation.restore({name: blob for name, blob in parts.items() if name != STANDING})
        self._correlation.begin(starts(self.name, about, begins, ends))
        self._site.board.take_over((parts or {}).get(STANDING), self._correlation.changes)
