"""Topic buffer: one topic of a partition, its waiting records and its position."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from operator import attrgetter
from typing import Any

from models.times import SECOND_US

SLICE_RECORDS, SLICE_BYTES = 10_000, 2 << 20
"""Maximum computation before the event loop runs again: about 50 ms."""


@dataclass(slots=True)
class TopicBuffer:
    """Records between the reader and the state."""

    position: int = 0
    """Next offset that is not yet in the state."""
    looked: int = 0
    """Nothing before this offset is still to be read: after `position` there may be markers and aborted records, which nobody reads."""
    end: int = 0
    """The end of the log at the last query: more records are known to come up to it."""
    waiting: deque[Any] = field(default_factory=deque)
    """Records that were read and are not yet in the state, in order of offset."""
    reached_us: int | None = None
    """Median event time of the last processed records."""

    @property
    def more(self) -> bool:
        """Whether the log is known to contain records that are not yet in the state."""
        return bool(self.waiting) or max(self.position, self.looked) < self.end

    @property
    def read(self) -> int:
        """Next offset that was not yet read."""
        return max(self.waiting[-1].offset + 1 if self.waiting else self.position, self.looked)

    def past(self, offset: int) -> bool:
        """Whether everything before `offset` was read; retention may have removed it."""
        following = self.waiting[0].offset if self.waiting else self.looked
        return self.position >= offset or following >= offset

    def take(self, records: Sequence[Any], end: int = 0) -> None:
        """Records of one fetch, which covered everything before offset `end`; records in the state or in the buffer are skipped."""
        following = self.read
        known = bool(records) and records[0].offset < following
        self.waiting.extend([record for record in records if record.offset >= following] if known else records)
        self.looked = max(self.looked, end)

    def slice(self, limit: int | None, most: int | None = None) -> list[Any]:
        """Removes and returns the next records before offset `limit`, at most `most` and few enough to keep the event loop responsive."""
        records = [self.waiting.popleft() for _ in range(min(len(self.waiting), SLICE_RECORDS, most or SLICE_RECORDS))]
        upto = bisect_left(records, limit, key=attrgetter("offset")) if limit is not None else len(records)
        sizes = accumulate(len(record.value or b"") for record in records)
        upto = min(upto, sum(1 for _ in takewhile(lambda size: size < SLICE_BYTES, sizes)) + 1)
        self.waiting.extendleft(reversed(records[upto:]))
        return records[:upto]


def slowest_first(feeds: Mapping[str, TopicBuffer]) -> list[str]:
    """Topics by their progress in event time."""
    return sorted(feeds, key=lambda topic: (feeds[topic].reached_us or 0, topic))


def ahead_s(feeds: Mapping[str, TopicBuffer], topic: str) -> float:
    """How far in event time `topic` is ahead of those with more known records."""
    reached_us = feeds[topic].reached_us
    slower = [feed.reached_us for name, feed in feeds.items() if name != topic and feed.more and feed.reached_us is not None]
    return 0.0 if reached_us is None or not slower else (reached_us - min(slower)) / SECOND_US
