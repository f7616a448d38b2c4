"""The event stream: every new record when it is committed, from the client's last position."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from service.access import Principal
from service.auth.authentication import Reader
from service.auth.opaque_ids import OpaqueIds
from service.auth.open_streams import OpenStreams
from service.event_stream import EventStream
from service.http.routes.parts import EventStreamDep, OpaqueIdsDep, OpenStreamsDep, ServeParametersDep
from service.problems import RESPONSES, Problem
from service.store.records import Logged

router = APIRouter(tags=["stream"], responses=RESPONSES)
_PING_S = 15.0
_RETRY_MS = 2000
_FEW = 10
"""Fewer records than these are news, more of them are a stream that catches up."""
_EXAMPLE = 'event: alert\ndata: {"alert_id":"…","revision":1, …}\nid: 42\n\n'
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="Continue after this event; without it only new events are sent.")
]


@router.get(
    "/v1/stream",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Events `alert`, `incident`, `change` and `report`.", "content": {"text/event-stream": {"example": _EXAMPLE}}}
    },
    summary="Follow what happens",
)
async def stream(
    ids: OpaqueIdsDep,
    events: EventStreamDep,
    streams: OpenStreamsDep,
    parameters: ServeParametersDep,
    principal: Reader,
    last_event_id: LastEventId = None,
    after: Annotated[str | None, Query(alias="last_event_id", description="The same, for a first connection.", max_length=64)] = None,
) -> StreamingResponse:
    """Server-sent events; `data` is the record as the lists show it. A client that reconnects misses nothing and sees nothing twice.

    The stream ends with the token or the session that it began with.
    """
    most = parameters.quotas.streams_per_token
    if events.listeners[principal.id] >= most:
        detail = f"a token may have at most {most} streams (serve.quotas.streams_per_token): close one first"
        raise Problem(429, detail, headers={"Retry-After": "5"})
    begin = _position(ids, events, principal, last_event_id if last_event_id is not None else after)
    return StreamingResponse(
        _sent(ids, events, streams, principal, begin), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


def _position(ids: OpaqueIds, events: EventStream, principal: Principal, text: str | None) -> int:
    newest = events.last_seq
    return min(ids.event_seq(principal, text), newest) if text else newest


async def _sent(ids: OpaqueIds, events: EventStream, streams: OpenStreams, principal: Principal, after: int) -> AsyncIterator[bytes]:
    with events.counted(principal), streams.opened(principal) as is_over:
        yield format_sse_event(comment="connected", retry=_RETRY_MS)
        async for several in events.listen(principal, after, _PING_S, is_over):
            if len(several) < _FEW:
                yield _text(ids, principal, several)
                continue
            # While one stream of a share catches up, its others wait, and half of the time is everybody else's.
            async with events.catching_up.of(principal.share.name):
                began_s = asyncio.get_running_loop().time()
                text = _text(ids, principal, several)
                await asyncio.sleep(asyncio.get_running_loop().time() - began_s)
            yield text


def _text(ids: OpaqueIds, principal: Principal, several: list[Logged]) -> bytes:
    """Of the records, or a sign of life where there are none."""
    if not several:
        return format_sse_event(comment="still here")
    return b"".join(
        format_sse_event(id=ids.event_id(principal, logged.seq) if logged.seq else None, event=logged.kind, data_str=logged.body.decode())
        for logged in several
    )
