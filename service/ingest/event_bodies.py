"""Bodies of posts: inflated within a bound, decoded, and what is answered about them."""

import json
import zlib

from models.columns import EventBatch
from models.errors import Malformed, UnreadableInput
from streams.decode import decode_body

_GZIP = b"\x1f\x8b"


class TooLarge(Malformed):
    """A body beyond the limit, as it came or inflated."""


def inflated(body: bytes, limit: int) -> bytes:
    """`body` inflated if it is gzip (no JSON begins like that). Raises TooLarge beyond `limit` bytes, UnreadableInput if it is damaged."""
    if not body.startswith(_GZIP):
        return body
    parts: list[bytes] = []
    size, rest = 0, body
    try:
        while rest:
            inflater = zlib.decompressobj(31)
            part = inflater.decompress(rest, limit - size + 1)
            size += len(part)
            if size > limit:
                raise TooLarge(f"the body is more than {limit} bytes once inflated: send smaller ones")
            if not inflater.eof:
                raise UnreadableInput("the gzip body is cut short")
            parts.append(part)
            rest = inflater.unused_data.lstrip(b"\0")
    except zlib.error as fault:
        raise UnreadableInput(f"the body is no gzip: {fault}") from None
    return b"".join(parts)


def decoded(body: bytes, stream: str, limit: int) -> EventBatch:
    """The events of a body, gzip or not. Raises TooLarge, or UnreadableInput if it is no JSON at all."""
    return decode_body(inflated(body, limit), stream)


def ingest_response(batch: EventBatch) -> bytes:
    """What a post is told: how many are in, which are not and why."""
    rejected = [{"index": rejection.position.get("index"), "reason": rejection.reason} for rejection in batch.rejections]
    return json.dumps({"accepted": len(batch), "rejected": rejected}, separators=(",", ":"), ensure_ascii=False).encode()
