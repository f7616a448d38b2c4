"""Lines: a stretch of the simulation as NDJSON bytes of the contract, whole columns at a time."""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from models.columns import Ints, SeriesKey
from models.times import format_time
from simulator.traffic import Stretch
from simulator.world import World


@dataclass(frozen=True)
class Lines:
    """Writes one event a line, windows in order, in each the traffic series and then the queues, both sorted."""

    world: World

    def write(self, stretch: Stretch) -> bytes:
        """All events of a stretch that were reported."""
        windows, series, queues = len(stretch.ends_us), len(self.world.traffic), len(self.world.queues)
        at = pl.Series([format_time(int(end)) for end in stretch.ends_us])
        traffic = self._traffic(stretch, at)
        depths = self._queues(stretch, at)
        place = np.arange(windows * series).reshape(windows, series)
        queue_place = windows * series + np.arange(windows * queues).reshape(windows, queues)
        order = np.hstack([place, queue_place]).ravel()
        seen = np.hstack([stretch.traffic_reported, stretch.queues_reported]).ravel()
        lines = pl.concat([traffic, depths]).gather(order[seen])
        buffer = io.BytesIO()
        lines.to_frame("line").write_csv(buffer, include_header=False, quote_style="never")
        return buffer.getvalue()

    def _traffic(self, stretch: Stretch, at: pl.Series) -> pl.Series:
        windows, series = stretch.messages.shape
        failed = pl.col("failures")
        codes = pl.concat_str(
            pl.when(pl.col("first") > 0).then(pl.concat_str("first_code", "first")).otherwise(pl.lit("")),
            pl.when((pl.col("first") > 0) & (pl.col("second") > 0)).then(pl.lit(",")).otherwise(pl.lit("")),
            pl.when(pl.col("second") > 0).then(pl.concat_str("second_code", "second")).otherwise(pl.lit("")),
        )
        failure = pl.concat_str(pl.lit(',"failures":'), failed, pl.lit(',"codes":{'), codes, pl.lit("}}"))
        frame = pl.DataFrame(
            {
                "at": at.gather(_repeated(windows, series)),
                "head": self._traffic_heads.gather(_tiled(windows, series)),
                "messages": stretch.messages.ravel(),
                "failures": stretch.failures.ravel(),
                "first": (stretch.failures - stretch.second).ravel(),
                "second": stretch.second.ravel(),
                "first_code": self._code_names[0].gather(stretch.code_pair.ravel()),
                "second_code": self._code_names[1].gather(stretch.code_pair.ravel()),
            }
        )
        start = pl.lit('{"kind":"traffic","observed_at":"')
        tail = pl.when(failed == 0).then(pl.lit("}")).otherwise(failure)
        return frame.select(pl.concat_str(start, "at", "head", "messages", tail)).to_series()

    def _queues(self, stretch: Stretch, at: pl.Series) -> pl.Series:
        windows, queues = stretch.depth.shape
        frame = pl.DataFrame(
            {
                "at": at.gather(_repeated(windows, queues)),
                "head": self._queue_heads.gather(_tiled(windows, queues)),
                "depth": stretch.depth.ravel(),
                "age": stretch.oldest_age_s.ravel(),
                "limit": self._limits.gather(_tiled(windows, queues)),
                "enqueued": stretch.enqueued.ravel(),
                "delivered": stretch.delivered.ravel(),
            }
        )
        line = pl.concat_str(
            pl.lit('{"kind":"queue","observed_at":"'), "at", "head", "depth", pl.lit(',"oldest_age_s":'), "age", "limit",
            pl.lit(',"enqueued":'), "enqueued", pl.lit(',"delivered":'), "delivered", pl.lit("}"),
        )  # fmt: skip
        return frame.select(line).to_series()

    @cached_property
    def _traffic_heads(self) -> pl.Series:
        return pl.Series([_traffic_head(key) for key in self.world.traffic])

    @cached_property
    def _queue_heads(self) -> pl.Series:
        return pl.Series([f'","window_s":{key.window_s},"user":"{key.user}","queue":"{key.queue}","depth":' for key in self.world.queues])

    @cached_property
    def _limits(self) -> pl.Series:
        return pl.Series([f',"capacity":{limit}' for limit in self.world.depth_limit])

    @cached_property
    def _code_names(self) -> tuple[pl.Series, pl.Series]:
        pairs = self.world.code_pairs
        return pl.Series([f'"{first}":' for first, _ in pairs]), pl.Series([f'"{second}":' for _, second in pairs])


def _traffic_head(key: SeriesKey) -> str:
    service = f',"service":"{key.service}"' if key.service else ""
    region = f',"region":"{key.region}"' if key.region else ""
    return (
        f'","window_s":{key.window_s},"user":"{key.user}","direction":"{key.direction}"'
        f',"message_class":"{key.message_class}"{service}{region},"messages":'
    )


def _repeated(windows: int, columns: int) -> Ints:
    return np.repeat(np.arange(windows, dtype=np.int64), columns)


def _tiled(windows: int, columns: int) -> Ints:
    return np.tile(np.arange(columns, dtype=np.int64), windows)
