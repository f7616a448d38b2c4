"""Decoding: bytes of events become columns; what is malformed leaves with its place and reason."""

from collections.abc import Sequence

from models.columns import EventBatch


def decode_ndjson(block: bytes, source: str, first_line: int) -> EventBatch:
    """Whole lines of a file, each an event or an array of events (a frame); the first one is line `first_line`, counted from 1."""
    raise NotImplementedError


def decode_body(body: bytes, source: str) -> EventBatch:
    """An HTTP body: NDJSON or one JSON array; positions are `{"index": i}` from 0.

    Raises UnreadableInput if the body is no JSON at all.
    """
    raise NotImplementedError


def decode_records(values: Sequence[bytes | None], topic: str, partition: int, offsets: Sequence[int]) -> EventBatch:
    """The values of Kafka records, each an event, an array of events or NDJSON; positions are topic, partition, offset and index."""
    raise NotImplementedError
