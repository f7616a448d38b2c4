"""Events in: written to the journal, then answered."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from models.columns import EventBatch
from models.errors import Malformed, UnreadableInput
from service.auth.authentication import Sender
from service.http.routes.common import raw
from service.http.routes.parts import ClockDep, DatabaseDep, HealthDep, IntakeDep, SeriesQuotaDep, ServeParametersDep, TurnsDep
from service.ingest.event_bodies import decoded_post, ingest_response
from service.ingest.journal import EVENTS
from service.parameters import ServeParameters
from service.problems import RESPONSES, Problem
from service.store import commits

router = APIRouter(tags=["events"])
_FORWARDS = ThreadPoolExecutor(8, "forward")
"""Separate threads: brokers that do not answer block only these."""
_EXAMPLE = (
    '{"kind":"traffic","observed_at":"2026-01-05T00:10:00Z","user":"SUP-01","direction":"to_dsp","message_class":"service_request",'
    '"service":"4.8.1","messages":1250,"failures":3}\n'
    '{"kind":"queue","observed_at":"2026-01-05T00:10:00Z","user":"SUP-01","queue":"to_user","depth":420,"oldest_age_s":12.5}\n'
)
_BODY = {
    "required": True,
    "content": {
        "application/x-ndjson": {"schema": {"type": "string"}, "example": _EXAMPLE},
        "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    },
}
_ANSWER = {
    "description": "Safe on disk, or with the Kafka brokers. `rejected` lists malformed events by their index from 0; the others are in. "
    "Of more than 1,000 the first are named, and `rejected_more` counts the others.",
    "content": {"application/json": {"example": {"accepted": 2, "rejected": [{"index": 1, "reason": "messages is missing"}]}}},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **RESPONSES,
    202: _ANSWER,
    413: {"description": "The body is too large: send smaller ones"},
    415: {"description": "An encoding other than gzip"},
    422: {"description": "The token would report more series than it may, or another body came under this Idempotency-Key"},
    429: {"description": "Too much input is waiting for judgement: try again after `Retry-After` seconds"},
    503: {"description": "The disk refuses, the brokers do not answer, or the monitor is stopping: try again after `Retry-After` seconds"},
}


@router.post("/v1/events", status_code=202, responses=_ANSWERS, openapi_extra={"requestBody": _BODY}, summary="Post events")
async def post_events(
    request: Request,
    database: DatabaseDep,
    clock: ClockDep,
    intake: IntakeDep,
    parameters: ServeParametersDep,
    health: HealthDep,
    series: SeriesQuotaDep,
    turns: TurnsDep,
    principal: Sender,
) -> Response:
    """NDJSON or one JSON array, gzip accepted. Events that were answered 202 survive a crash. Posting the same again is harmless; with an
    `Idempotency-Key` header it also gets the same answer.
    """
    intake.check_room()
    if request.headers.get("content-encoding", "identity").lower() not in ("gzip", "x-gzip", "identity"):
        raise Problem(415, "the body may be gzip or not encoded at all")
    key = request.headers.get("idempotency-key", "")
    if len(key.encode()) > 256:
        raise Problem(422, "Idempotency-Key must not be longer than 256 bytes")
    with intake.expecting(_announced(request, parameters.max_body_bytes), principal.id):
        body = await request.body()
        if key:
            earlier = await asyncio.to_thread(database.read, lambda connection: commits.answered(connection, principal.id, key))
            if earlier is not None:
                return _again(earlier, body)
        async with turns.of(principal.id):
            batch, weight = await _decoded(parameters, body, principal.id)
            await asyncio.to_thread(series.take, principal.id, batch.keys, clock.wall_us())
    if (remote := intake.elsewhere) is not None:
        await asyncio.get_running_loop().run_in_executor(_FORWARDS, remote.take, batch)
        intake.forwarded(principal.id)
        if key:
            answers = [(principal.id, key, body, ingest_response(batch))]
            remember = partial(commits.write_answers, answers=answers, now_us=clock.wall_us())
            await asyncio.wrap_future(database.write(remember))
        return raw(ingest_response(batch), 202)
    if health.fault() is not None and intake.fault is None:
        raise Problem(503, "nothing can be stored at the moment: send this again later", headers={"Retry-After": "10"})
    await asyncio.wrap_future(intake.submit(EVENTS, principal.id, body, batch, clock.wall_us(), key, weight))
    return raw(ingest_response(batch), 202)


def _announced(request: Request, limit: int) -> int:
    """Maximum bytes of the body: its declared length, or the limit."""
    length = request.headers.get("content-length", "")
    return min(limit, int(length)) if length.isascii() and length.isdigit() else limit


async def _decoded(parameters: ServeParameters, body: bytes, stream: str) -> tuple[EventBatch, int]:
    """The batch, and the bytes of the body once inflated."""
    try:
        return await asyncio.to_thread(decoded_post, body, stream, parameters.max_body_bytes)
    except Malformed:
        raise
    except UnreadableInput as fault:
        raise Problem(400, str(fault)) from None


def _again(earlier: tuple[str, bytes], body: bytes) -> Response:
    if earlier[0] != commits.digest(body):
        raise Problem(422, "another body was posted under this Idempotency-Key: use a new key for each body")
    return raw(earlier[1], 202)
