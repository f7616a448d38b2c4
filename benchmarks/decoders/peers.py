"""Each package as its documentation advises for many small JSON records, up to the columns that detection takes."""

import io
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from models.events import EVENT
from models.times import parse_time, us
from models.vocabulary import Direction, MessageClass
from streams.decode import decode_body


class Columns(NamedTuple):
    """What a decoder must come to; every array has one entry an event."""

    keys: int
    """Distinct series."""
    key: Any
    observed_us: Any
    value: Any
    failures: Any
    depths: Any
    """Age, capacity, enqueued and delivered of queues; (4, n)."""


def our_columns(text: bytes) -> Columns:
    """Ours: columns at once."""
    batch = decode_body(text, "benchmark")
    depths = (np.nan_to_num(batch.oldest_age_s, nan=-1), batch.capacity, batch.enqueued, batch.delivered)
    return Columns(len(batch.keys), batch.key, batch.observed_us, batch.value, batch.failures, depths)


GREATEST = 2**63 - 1
Count = Annotated[int, msgspec.Meta(ge=0, le=GREATEST)]
Window = Annotated[int, msgspec.Meta(ge=1, le=3600)]
User = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Traffic(msgspec.Struct, tag_field="kind", tag="traffic", gc=False):
    """A traffic event as msgspec declares it."""

    observed_at: str
    user: User
    direction: Direction
    message_class: MessageClass
    messages: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    window_s: Window = 10
    service: str | None = None
    region: str | None = None
    failures: Count = 0
    codes: dict[str, Count] | None = None


class Queue(msgspec.Struct, tag_field="kind", tag="queue", gc=False):
    """A queue event as msgspec declares it."""

    observed_at: str
    user: User
    queue: Annotated[str, msgspec.Meta(min_length=1)]
    depth: Count
    window_s: Window = 10
    oldest_age_s: Annotated[float, msgspec.Meta(ge=0)] | None = None
    capacity: Annotated[int, msgspec.Meta(gt=0, le=GREATEST)] | None = None
    enqueued: Count | None = None
    delivered: Count | None = None


_DECODER = msgspec.json.Decoder(Traffic | Queue)


@lru_cache(maxsize=100_000)
def _time_us(at: str | datetime) -> int:
    """Few distinct times occur, so every peer gets this cache."""
    return us(at) if isinstance(at, datetime) else parse_time(at)


def msgspec_columns(text: bytes) -> Columns:
    """msgspec: typed objects that are validated, then columns."""
    rows = []
    series: dict[tuple[Any, ...], int] = {}
    for event in _DECODER.decode_lines(text):
        if type(event) is Traffic:
            key = (event.user, event.direction, event.message_class, event.service, event.region, event.window_s)
            row = (series.setdefault(key, len(series)), _time_us(event.observed_at), event.messages, event.failures, -1.0, -1, -1, -1)
        else:
            key = (event.user, event.queue, event.window_s)
            numbers = (event.oldest_age_s, event.capacity, event.enqueued, event.delivered)
            row = (
                series.setdefault(key, len(series)),
                _time_us(event.observed_at),
                event.depth,
                0,
                *(-1 if n is None else n for n in numbers),
            )
        rows.append(row)
    return _columns(len(series), rows)


def orjson_columns(text: bytes) -> Columns:
    """orjson: a dictionary a line, nothing validated, then columns."""
    return _from_mappings(map(orjson.loads, text.splitlines()))


def pydantic_columns(text: bytes) -> Columns:
    """pydantic: the models of the contract, one event at a time, then columns."""
    return _from_mappings(vars(EVENT.validate_json(line)) for line in text.splitlines())


def _from_mappings(events: Iterable[Mapping[str, Any]]) -> Columns:
    rows = []
    series: dict[tuple[Any, ...], int] = {}
    for event in events:
        get = event.get
        at_us = _time_us(event["observed_at"])
        if event["kind"] == "traffic":
            key = (event["user"], event["direction"], event["message_class"], get("service"), get("region"), get("window_s", 10))
            row = (series.setdefault(key, len(series)), at_us, event["messages"], get("failures", 0), -1.0, -1, -1, -1)
        else:
            key = (event["user"], event["queue"], get("window_s", 10))
            numbers = (get("oldest_age_s"), get("capacity"), get("enqueued"), get("delivered"))
            row = (series.setdefault(key, len(series)), at_us, event["depth"], 0, *(-1 if n is None else n for n in numbers))
        rows.append(row)
    return _columns(len(series), rows)


def _columns(keys: int, rows: list[Any]) -> Columns:
    key, at_us, value, failures, *depths = (np.array(column) for column in zip(*rows, strict=True))
    return Columns(keys, key, at_us, value, failures, depths)


_NAMES = ("user", "direction", "message_class", "service", "region", "queue")
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("kind", *_NAMES)]
    + [("observed_at", pa.timestamp("us", "UTC")), ("oldest_age_s", pa.float64())]
    + [(name, pa.int64()) for name in ("window_s", "messages", "failures", "depth", "capacity", "enqueued", "delivered")]
)
_PARSE = pj.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="infer")


def pyarrow_columns(text: bytes) -> Columns:
    """pyarrow: its reader of NDJSON on all cores, nothing validated but types, then one index from its dictionaries."""
    table = pj.read_json(io.BytesIO(text), pj.ReadOptions(block_size=len(text) + 1), _PARSE)
    series = np.zeros(len(table), np.int64)
    for name in _NAMES:
        column = table[name].combine_chunks().dictionary_encode()
        series = series * (len(column.dictionary) + 1) + (pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False) + 1)
    series = series * 3601 + pc.fill_null(table["window_s"], 10).to_numpy()
    keys, key = np.unique(series, return_inverse=True)
    value = pc.coalesce(table["messages"], table["depth"]).to_numpy()
    numbers = ("oldest_age_s", "capacity", "enqueued", "delivered")
    depths = [pc.fill_null(table[name], -1).to_numpy() for name in numbers]
    at_us = table["observed_at"].cast(pa.int64()).to_numpy()
    return Columns(len(keys), key, at_us, value, pc.fill_null(table["failures"], 0).to_numpy(), depths)


PEERS: dict[str, Callable[[bytes], Columns]] = {
    "pydantic": pydantic_columns,
    "msgspec": msgspec_columns,
    "orjson": orjson_columns,
    "pyarrow": pyarrow_columns,
}
