"""Progress encoder: the records in which a partition sends its progress with the windows that it closed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.columns import Detected
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.stage_records import (
    FINDINGS_HEADER,
    MARK_HEADER,
    KeyEncoder,
    PartitionProgress,
    pack_findings,
    pack_pulses,
    split_by_size,
    write_mark,
)

_RENEW_S = 3600.0
"""How often all series names are sent again: much more often than the findings topic removes old records."""


class ProgressEncoder:
    """Numbers the progress of one partition, and knows which series names were sent."""

    def __init__(self, topics: Topics, now_s: float) -> None:
        self._topics = topics
        self._tables = KeyEncoder()
        self._renewed_s = now_s
        self.sequence = 0
        """Number of the next progress."""

    def renew(self, now_s: float) -> None:
        """Sends all series names again where that is due."""
        if now_s - self._renewed_s >= _RENEW_S:
            self._tables.renew()
            self._renewed_s = now_s

    def records(self, progress: PartitionProgress, detected: Sequence[Detected]) -> list[OutputRecord]:
        """The records of these windows, in parts that brokers accept."""
        *parts, last = split_by_size(detected) or [[]]
        # The progress of the first windows of a step covers only those; the events after them are all in the state.
        sends = [
            send
            for part in parts
            for send in self._records(replace(progress, sequence=self._next_sequence(), frontier_us=part[-1].at_us), part)
        ]
        return [*sends, *self._records(replace(progress, sequence=self._next_sequence()), last)]

    def _next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence - 1

    def _records(self, progress: PartitionProgress, detected: Sequence[Detected]) -> Iterator[OutputRecord]:
        topics, key = self._topics, str(progress.partition).encode()
        findings = pack_findings(detected, self._tables) if detected else b""
        yield OutputRecord(topics.findings, key, findings, ((FINDINGS_HEADER, progress.pack()),), 0)
        if detected:
            mark = write_mark(progress.partition, progress.generation, progress.sequence)
            yield OutputRecord(topics.pulses, key, pack_pulses(detected, self._tables), ((MARK_HEADER, mark),), 0)
