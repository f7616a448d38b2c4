"""Detection task: one partition of the telemetry topics on its worker."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faust.types import TP

from models.columns import Detected
from models.errors import StateError
from models.times import SECOND_US
from streams.flow import FlowStep
from streams.kafka.client.output_records import dead_letter
from streams.kafka.exchange.calendar_reader import CalendarLog
from streams.kafka.exchange.progress_encoder import ProgressEncoder
from streams.kafka.tasks.partition_pipeline import PartitionPipeline
from streams.kafka.tasks.quarantine import Quarantine, kept_whole
from streams.kafka.tasks.task import Task, WorkerContext, epoch_after, starts
from streams.kafka.tasks.topic_buffer import ahead_s
from streams.pipeline import PipelineParameters

log = logging.getLogger(__name__)
_WAITING_MOST = 40_000
"""Number of records in memory from which no more are fetched."""
_PROGRESS_S, _HEARTBEAT_S = 0.25, 5.0
"""How often a partition reports its progress while it advances, and while it does not."""
_STRIDE_US = 600 * SECOND_US
"""How far an idle partition that follows the others advances in one step."""
_STRIDES = 50
"""Number of such steps before other tasks run."""
_CATCH_UP_S = 10.0
_LAG_S = 3.0
"""A partition that has not reached the end of its log for this long lags."""
_GRACE_S = 1.0
"""How long after the others an idle partition follows them: input for all of them reaches each at a different time."""


class DetectionTask(Task):
    """Feeds its partition, reports closed windows, and follows the others while nothing arrives."""

    def __init__(
        self,
        number: int,
        site: WorkerContext,
        epoch: int,
        parameters: PipelineParameters,
        declared: CalendarLog,
        end_of: Callable[[TP], int | None],
    ) -> None:
        inputs = frozenset(TP(topic, number) for topic in site.topics.telemetry)
        super().__init__(f"partition-{number}", inputs, number, site, epoch)
        self._partition = PartitionPipeline(number, site.topics.telemetry, parameters, declared, site.learned)
        self._end_of = end_of
        self._encoder = ProgressEncoder(site.topics, site.clock.steady_s())
        self._reported: tuple[object, ...] = ()
        self._reported_s = self._remote_checked_s = 0.0
        self._fed_at: dict[str, float] = {}
        """topic → when it was last known to bring something, or began to be watched."""
        self._idle_topics: set[str] = set()
        """Topics that bring nothing now."""
        self._drained_at = float("-inf")
        """When there was last nothing to read."""
        self._covers = (-1, -1)
        self._seen: deque[tuple[float, int]] = deque()
        """The others' frontiers with the times at which they were seen, for the last `_GRACE_S` and the one before."""

    @property
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""
        return self._partition.positions

    @property
    def passed(self) -> dict[str, int]:
        """Where the state stands in the calendar and in event time."""
        return self._partition.passed

    @property
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""
        return {topic: each.read for topic, each in self._partition.inputs.items()}

    @property
    def idle(self) -> bool:
        """Whether no topic brings anything now."""
        return all(topic in self._idle_topics for topic in self._partition.inputs)

    @property
    def settled(self) -> bool:
        """Whether all work of a predecessor is repeated."""
        return not self._partition.replaying

    def leave_out(self, quarantine: Quarantine) -> None:
        """Processes from now on without the records in `quarantine`."""
        super().leave_out(quarantine)
        self._partition.quarantine = quarantine

    def wants(self, tp: TP) -> bool:
        """Whether the task has room and is not too far ahead."""
        if not (self.ready and self.active) or len(self._partition.inputs[tp.topic].waiting) >= _WAITING_MOST:
            return False
        lead_s = self._site.parameters.lead_s
        slowest_us, frontier_us = self._site.others.slowest_us(self._partition.number), self._partition.frontier_us
        leads = slowest_us is not None and frontier_us is not None and frontier_us - slowest_us > lead_s * SECOND_US
        # Everything that a predecessor processed before its next progress is needed, however far apart its topics were there.
        return not leads and (self._partition.replaying or ahead_s(self._partition.inputs, tp.topic) <= lead_s)

    def take(self, topic: str, records: list[Any], end: int) -> None:
        """Records of one fetch, which covered everything before offset `end`."""
        self._partition.take(topic, records, end)
        if not records:
            return
        self._fed_at[topic] = self._site.clock.steady_s()
        self._seen.clear()
        self._idle_topics.discard(topic)

    async def work(self) -> bool:
        """One bounded unit of work with its output records."""
        began_s = self._site.clock.steady_s()
        again = self._partition.replaying
        step = self._partition.step()
        if step is None:
            return False
        if not again:
            self._site.board.judged(self.name, step, self._partition.frontier_us, self._site.clock.steady_s() - began_s)
        await self._publish_step(step)
        return True

    async def on_timer(self) -> None:
        """The periodic work."""
        if not self._partition.replaying:
            await self._decide()
        await self._publish_step(None)

    async def _decide(self) -> None:
        """Decisions by the clock. Each is published before further input is processed: a successor decides the same there."""
        others, number = self._site.others, self._partition.number
        # Before it follows the others it must know how far their Users are; otherwise windows would close over held events.
        if self.idle or self._site.clock.steady_s() - self._remote_checked_s >= _PROGRESS_S:
            self._remote_checked_s = self._site.clock.steady_s()
            step = self._partition.update_remote(others.highest(number), ignores_remote=others.any_lagging(number))
            if step is not None:
                await self._publish_step(step, decided=True)
        for topic in self._quiet(self._site.clock.steady_s()):
            if topic not in self._idle_topics and await self._at_end(topic):
                self._idle_topics.add(topic)
                await self._publish_step(self._partition.rest(topic), decided=True)
        if self.idle:
            await self._follow()

    def lags(self) -> dict[TP, int]:
        """The end according to the brokers' last responses."""
        lags = {}
        for topic, each in self._partition.inputs.items():
            tp = TP(topic, self._partition.number)
            lags[tp] = max(0, max(each.end, self._end_of(tp) or 0) - max(each.position, each.looked))
        return lags

    def state(self) -> dict[str, bytes]:
        """For a checkpoint."""
        return self._partition.state()

    def about(self) -> dict[str, Any]:
        """Positions, and the offset of its last progress in the findings topic."""
        sent = self._outbox.last_offsets.get(self._site.topics.findings, -1) + 1
        return {"positions": self.positions, "said": sent, "mark": [self.epoch, self._encoder.sequence - 1]}

    async def resume(
        self, parts: Mapping[str, bytes] | None, about: Mapping[str, Any], begins: dict[str, int], ends: dict[str, int]
    ) -> None:
        """Restores a checkpoint."""
        positions = starts(self.name, about, begins, ends)
        if parts is not None:
            self._partition.restore(parts)
        self._covers = (about["mark"][0], about["mark"][1]) if parts is not None else (-1, -1)
        self._partition.begin(positions, ends, ())
        before = self._site.others.of(self._partition.number)
        if before is not None:
            self.epoch = epoch_after(self.epoch, before.generation)
        # Later progress of a predecessor does not count, so all that must be repeated is known now.
        await self._publish_progress(())
        await self._outbox.confirmed()
        sent = await self._site.others.progress_since(self._partition.number, about.get("said", 0))
        if any(about["positions"].get(topic, 0) > end for topic, end in ends.items()):
            # If a topic was recreated, positions in the old one have no meaning.
            sent = []
        self._partition.begin(positions, ends, [progress for progress in sent if progress.generation < self.epoch])
        # A topic that was idle stays idle if nothing came since; any other topic gets the full time to bring something.
        rested = before.idle_topics if before is not None else ()
        watched_s = self._site.clock.steady_s()
        self._fed_at = {topic: watched_s - (self._site.idle_s if topic in rested else 0.0) for topic in ends}

    async def holds(self) -> bool:
        """Whether no other worker has written for the partition since: the findings topic has one order for all."""
        offset = self._outbox.last_offsets.get(self._site.topics.findings, -1)
        if not await self._site.others.reached(offset + 1, _CATCH_UP_S):
            log.warning("%s makes no checkpoint now: the findings topic can't be read", self.name)
            return False
        last = self._site.others.of(self._partition.number)
        if last is not None and last.generation > self.epoch:
            log.warning("%s was taken over by another worker: it stops here", self.name)
            self.active = False
            return False
        return True

    def _quiet(self, now_s: float) -> list[str]:
        """Topics that brought nothing for `idle_s` although more was requested."""
        quiet = []
        for topic, each in self._partition.inputs.items():
            tp = TP(topic, self._partition.number)
            each.end = max(each.end, self._end_of(tp) or 0)
            if each.more or not self.wants(tp):
                self._fed_at[topic] = now_s
            elif now_s - max(self._fed_at.get(topic, now_s), self._site.others.steady_since_s) >= self._site.idle_s:
                quiet.append(topic)
        return quiet

    def _lagging(self, now_s: float) -> bool:
        if not any(each.more for each in self._partition.inputs.values()):
            self._drained_at = now_s
        return now_s - self._drained_at > _LAG_S

    async def _at_end(self, topic: str) -> bool:
        """Whether the brokers report that there is no more: the answer of the last fetch may be old on a busy machine."""
        each = self._partition.inputs[topic]
        end = await self._site.others.end_of(topic, self._partition.number)
        if end is None:
            self._fed_at[topic] = self._site.clock.steady_s()
            return False
        if end < max(each.position, each.looked):
            raise StateError(f"{topic} was recreated while it was read: the unread records of the old topic are lost")
        each.end = max(each.end, end)
        return not each.more

    async def _follow(self) -> None:
        target_us = self._target_us(self._site.clock.steady_s())
        for _ in range(_STRIDES):
            begin_us = self._partition.frontier_us
            # Records that arrive meanwhile are not older than the windows that would be closed.
            if not self.idle or target_us is None or (begin_us is not None and begin_us >= target_us):
                return
            step = self._partition.follow(target_us if begin_us is None else min(target_us, begin_us + _STRIDE_US))
            await self._publish_step(step, decided=step is not None)
            await asyncio.sleep(0)

    def _target_us(self, now_s: float) -> int | None:
        target_us = self._site.others.followed_us(self._partition.number)
        if target_us is None:
            return None
        self._seen.append((now_s, target_us))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - _GRACE_S:
            self._seen.popleft()
        seen_s, seen_us = self._seen[0]
        return seen_us if seen_s <= now_s - _GRACE_S else None

    async def _publish_step(self, step: FlowStep | None, *, decided: bool = False) -> None:
        """Reports closed windows and decisions by the clock; without any, the progress of the partition from time to time."""
        if step is not None:
            self._count(step)
            await self._outbox.send([dead_letter(self._site.topics, letter) for letter in step.rejected])
            await self._keep_whole()
        detected = step.detected if step is not None else []
        state = (self._partition.frontier_us, self.idle, self._partition.positions)
        due_s = _PROGRESS_S if state != self._reported else _HEARTBEAT_S
        if detected or decided or self._site.clock.steady_s() - self._reported_s >= due_s:
            await self._publish_progress(detected)

    async def _publish_progress(self, detected: Sequence[Detected]) -> None:
        now_s = self._site.clock.steady_s()
        progress = self._partition.progress(
            self.epoch, self._encoder.sequence, idle_topics=self._idle_topics, covers=self._covers, lagging=self._lagging(now_s)
        )
        self._reported, self._reported_s = (progress.frontier_us, progress.idle, progress.positions), now_s
        self._encoder.renew(self._reported_s)
        sends = self._encoder.records(progress, detected)
        await self._outbox.send(sends)
        self._dirty = True

    async def _keep_whole(self) -> None:
        """Sends what was left out to the quarantine; the checkpoint that follows at once keeps the next restart short."""
        left_out, self._partition.left_out = self._partition.left_out, []
        topic, number = self._site.topics.quarantine, self._partition.number
        await self._outbox.send(
            [
                kept_whole(topic, (source, number, record.offset), record.key, record.value or b"", reason)
                for source, record, reason in left_out
            ]
        )
        if left_out:
            self.hurry()

    def _count(self, step: FlowStep) -> None:
        self.spent.events += step.accepted
        self.spent.late += step.late
        self.spent.repeated += step.repeated
        self.spent.rejected += len(step.rejected)
        self.spent.windows += len(step.detected)
