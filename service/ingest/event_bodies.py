"""Bodies of posts: inflated within a limit, decoded, and the answers to them."""

import json
import zlib
from typing import Any

from models.columns import EventBatch
from models.errors import Malformed, UnreadableInput
from streams.decode import decode_body

_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 1_000
"""Maximum members of one gzip body: each costs work, even an empty one."""
_FREE_BYTES = 1_000_000
_RATIO = 250
"""After the first megabyte a body may inflate to this multiple of its size; recorded scrapes compress to about a thirtieth."""
_MOST_MALFORMED = 20_000
_MAX_REJECTIONS = 1_000
"""Rejections listed in one answer; all of them are among the dead letters."""


class TooLarge(Malformed):
    """A body beyond the limit, either compressed or inflated."""


def inflated(body: bytes, limit: int) -> bytes:
    """`body` inflated if it is gzip (JSON never begins like that).

    Raises TooLarge beyond `limit` bytes, the compression of honest events, or the number of members; UnreadableInput if it is damaged.
    """
    if not body.startswith(_GZIP):
        return body
    parts: list[bytes] = []
    size, rest = 0, body
    most = min(limit, _FREE_BYTES + _RATIO * len(body))
    try:
        while rest:
            if len(parts) == _MOST_MEMBERS:
                raise TooLarge(f"the gzip body has more than {_MOST_MEMBERS} members: compress it as one")
            inflater = zlib.decompressobj(31)
            part = inflater.decompress(rest, most - size + 1)
            size += len(part)
            if size > most:
                raise TooLarge(f"the body is more than {most} bytes once inflated: send smaller ones")
            if not inflater.eof:
                raise UnreadableInput("the gzip body is truncated")
            parts.append(part)
            rest = inflater.unused_data.lstrip(b"\0")
    except zlib.error as fault:
        raise UnreadableInput(f"the body is not gzip: {fault}") from None
    return b"".join(parts)


def decoded(body: bytes, stream: str, limit: int) -> EventBatch:
    """The events of a body, gzip or not. Raises TooLarge, or UnreadableInput if it is not JSON at all."""
    return decode_body(inflated(body, limit), stream)


def decoded_post(body: bytes, stream: str, limit: int) -> tuple[EventBatch, int]:
    """The events of a body that was just posted, and its inflated bytes; a body that is mostly malformed is refused as a whole.

    Raises TooLarge, or UnreadableInput if it is not JSON at all or too much of it is malformed.
    """
    plain = inflated(body, limit)
    return decode_body(plain, stream, most_malformed=_MOST_MALFORMED), len(plain)


def ingest_response(batch: EventBatch) -> bytes:
    """The answer to a post: the number of accepted events, and the rejected ones with reasons (at most the first, and how many more)."""
    listed = batch.rejections[:_MAX_REJECTIONS]
    answer: dict[str, Any] = {
        "accepted": len(batch),
        "rejected": [{"index": rejection.position.get("index"), "reason": rejection.reason} for rejection in listed],
    }
    if len(listed) < len(batch.rejections):
        answer["rejected_more"] = len(batch.rejections) - len(listed)
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
