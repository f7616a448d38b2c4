"""Decoding: bytes of events become columns. A malformed event goes out with its position and its reason."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from models.columns import EventBatch, Ints
from models.errors import UnreadableInput
from streams.decode.byte_buffer import PADDING, ByteBuffer
from streams.decode.json_splitter import BOM
from streams.decode.reader import DecodedText, read
from streams.decode.template_cache import TemplateCache

_learned = TemplateCache()


def decode_ndjson(block: bytes, source: str, first_line: int) -> EventBatch:
    """Whole lines of a file; each is an event or an array of events (a frame). The first one is line `first_line`, counted from 1."""
    buffer = ByteBuffer([block])
    line_starts, ends = _lines(buffer)
    starts = line_starts
    if first_line == 1 and block.startswith(BOM):
        starts = np.concatenate([line_starts[:1] + len(BOM), line_starts[1:]])
    reading = read(buffer, starts, ends, _fresh(), records=False)

    def position(start: int) -> Mapping[str, int | str]:
        line = int(np.searchsorted(line_starts, start, side="right")) - 1
        return {"line": first_line + line, "index": reading.index(start, int(line_starts[line]))}

    return reading.batch(source, position)


def decode_body(body: bytes, source: str, *, most_malformed: int | None = None) -> EventBatch:
    """An HTTP body: NDJSON or one JSON array; positions are `{"index": i}` from 0.

    Raises UnreadableInput if the body is not JSON at all, or if more than `most_malformed` of its events are malformed.
    """
    buffer = ByteBuffer([body])
    text = body.removeprefix(BOM)
    if not text.strip():
        raise UnreadableInput("the body is empty: send events as NDJSON or as one JSON array")
    start = np.array([PADDING + len(body) - len(text)])
    whole = start, np.array([PADDING + len(body)])
    if text.lstrip().startswith(b"["):
        reading = read(buffer, *whole, _fresh(), records=True, most_refused=most_malformed)
    else:
        starts, ends = _lines(buffer)
        reading = read(buffer, np.concatenate([start, starts[1:]]), ends, _fresh(), records=False, most_refused=most_malformed)
        if _is_no_json(reading):
            reading = read(buffer, *whole, _fresh(), records=True, most_refused=most_malformed)  # one event over many lines
    if _is_no_json(reading):
        raise UnreadableInput(f"the body is not JSON: send events as NDJSON or as one JSON array ({reading.refused[0].refusal.reason})")
    return reading.batch(source, lambda start: {"index": reading.index(start, 0)})


def _is_no_json(reading: DecodedText) -> bool:
    return bool(reading.refused) and not len(reading.rows) and not any(one.refusal.is_json for one in reading.refused)


def decode_records(values: Sequence[bytes | None], topic: str, partition: int, offsets: Sequence[int]) -> EventBatch:
    """The values of Kafka records: each is an event, an array of events, or NDJSON. Positions are topic, partition, offset and index."""
    texts = [value or b"" for value in values] if None in values else cast("Sequence[bytes]", values)
    buffer = ByteBuffer(texts, b"\n")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = PADDING + np.cumsum(lengths + 1) - 1
    starts = ends - lengths
    reading = read(buffer, starts, ends, _fresh(), records=True)

    def position(start: int) -> Mapping[str, int | str]:
        record = int(np.searchsorted(starts, start, side="right")) - 1
        index = reading.index(start, int(starts[record]))
        return {"topic": topic, "partition": partition, "offset": int(offsets[record]), "index": index}

    return reading.batch(topic, position)


def _lines(buffer: ByteBuffer) -> tuple[Ints, Ints]:
    """(starts, ends) of all lines; the last line may have no line end."""
    newlines = buffer.newlines()
    last = PADDING + buffer.size
    ends = newlines if len(newlines) and newlines[-1] == last - 1 else np.append(newlines, last)
    return np.concatenate([[PADDING], ends[:-1] + 1]), ends


def _fresh() -> TemplateCache:
    """The template cache; a new one when the old one is full. Another thread may still use the old one."""
    global _learned
    if _learned.full:
        _learned = TemplateCache()
    return _learned
