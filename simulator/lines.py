"""Lines: a stretch of the simulation as NDJSON bytes of the contract."""

from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np

from models.columns import Flags, SeriesKey
from models.times import format_time
from simulator.traffic import Stretch
from simulator.world import World


@dataclass(frozen=True)
class Lines:
    """Writes one event per line, window by window: first the traffic series, then the queues, both sorted."""

    world: World

    def write(self, stretch: Stretch) -> bytes:
        """All events of a stretch that were reported."""
        lines: list[str] = []
        for row, end_us in enumerate(stretch.ends_us.tolist()):
            end = format_time(end_us)
            lines += _reported(self._traffic(stretch, row, end), stretch.traffic_reported[row])
            lines += _reported(self._queues(stretch, row, end), stretch.queues_reported[row])
        return "".join(lines).encode()

    def _traffic(self, stretch: Stretch, row: int, end: str) -> list[str]:
        """One line per series of one window."""
        start = f'{{"kind":"traffic","observed_at":"{end}'
        counted = zip(self._traffic_heads, stretch.messages[row].tolist(), strict=True)
        lines = [f"{start}{head}{messages}}}\n" for head, messages in counted]
        failed = np.flatnonzero(stretch.failures[row])
        failures, second, pairs = (column[row, failed].tolist() for column in (stretch.failures, stretch.second, stretch.code_pair))
        for series, count, of_second, pair in zip(failed.tolist(), failures, second, pairs, strict=True):
            codes = self._codes(pair, count - of_second, of_second)
            lines[series] = f'{lines[series][:-2]},"failures":{count},"codes":{{{codes}}}}}\n'
        return lines

    def _codes(self, pair: int, first: int, second: int) -> str:
        """The codes of a pair with their counts, without zero counts."""
        first_code, second_code = self.world.code_pairs[pair]
        if second == 0:
            return f'"{first_code}":{first}'
        return f'"{first_code}":{first},"{second_code}":{second}' if first else f'"{second_code}":{second}'

    def _queues(self, stretch: Stretch, row: int, end: str) -> list[str]:
        """One line per queue of one window."""
        start = f'{{"kind":"queue","observed_at":"{end}'
        columns = (column[row].tolist() for column in (stretch.depth, stretch.oldest_age_s, stretch.enqueued, stretch.delivered))
        return [
            f'{start}{head}{depth},"oldest_age_s":{age_s},"capacity":{limit},"enqueued":{enqueued},"delivered":{delivered}}}\n'
            for head, limit, depth, age_s, enqueued, delivered in zip(self._queue_heads, self._limits, *columns, strict=True)
        ]

    @cached_property
    def _traffic_heads(self) -> list[str]:
        return [_traffic_head(key) for key in self.world.traffic]

    @cached_property
    def _queue_heads(self) -> list[str]:
        return [f'","window_s":{key.window_s},"user":"{key.user}","queue":"{key.queue}","depth":' for key in self.world.queues]

    @cached_property
    def _limits(self) -> list[int]:
        limits: list[int] = self.world.depth_limit.tolist()
        return limits


def _traffic_head(key: SeriesKey) -> str:
    service = f',"service":"{key.service}"' if key.service else ""
    region = f',"region":"{key.region}"' if key.region else ""
    return (
        f'","window_s":{key.window_s},"user":"{key.user}","direction":"{key.direction}"'
        f',"message_class":"{key.message_class}"{service}{region},"messages":'
    )


def _reported(lines: list[str], reported: Flags) -> list[str]:
    """The lines of the series that reported in this window."""
    return lines if reported.all() else list(compress(lines, reported.tolist()))
