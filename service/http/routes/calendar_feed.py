"""Calendar feed for Outlook, Google Calendar and phones: the changes that its token may see, at an address with its own key."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from changes.files.feed import to_feed
from models.canonical_json import decode
from models.change import Change
from models.clock import Clock
from models.times import DAY_US, format_time, us
from service.access import Principal, Role
from service.auth.authentication import Reader, SignIn, principal_of
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep, ServeParametersDep, SignInDep, TurnsDep
from service.problems import RESPONSES, Problem, not_found
from service.store import calendar_feeds, records, tokens
from service.store.database import Database
from service.store.records import CHANGE, Wanted

router = APIRouter(tags=["changes"], responses=RESPONSES)
_PATH = "/v1/calendar.ics"
_PAGE = 1000
_EVENTS_MAX = 20_000
_BEHIND_US = 90 * DAY_US
"""Changes that ended earlier are left out."""


class FeedKey(BaseModel):
    """A feed's address; the key is shown only this once."""

    key: str
    url: str = Field(description="The address for the subscription; a path if the monitor does not know its own address.")


class FeedShown(BaseModel):
    """Whether the token has a feed."""

    created_at: str | None


@router.post("/v1/calendar/feed", status_code=201, summary="Make a calendar feed")
async def renew(database: DatabaseDep, clock: ClockDep, parameters: ServeParametersDep, principal: Reader) -> FeedKey:
    """A new key for this token's feed; its previous key ends. Anyone with the address can read the feed."""
    if database.read(partial(tokens.by_id, token_id=principal.id)) is None:
        raise Problem(422, "a feed needs a token of this monitor: ask an administrator for one")
    key = await committed(database, partial(calendar_feeds.renew, token_id=principal.id, now_us=clock.wall_us()))
    return FeedKey(key=key, url=f"{(parameters.public_url or '').rstrip('/')}{_PATH}?key={key}")


@router.get("/v1/calendar/feed", summary="Whether this token has a calendar feed")
def shown(database: DatabaseDep, principal: Reader) -> FeedShown:
    """When its key was created; null without one."""
    created_us = database.read(partial(calendar_feeds.created_us, token_id=principal.id))
    return FeedShown(created_at=None if created_us is None else format_time(created_us))


@router.delete("/v1/calendar/feed", status_code=204, summary="End the calendar feed")
async def end(database: DatabaseDep, principal: Reader) -> Response:
    """The address stops working; the token stays valid."""
    if not await committed(database, partial(calendar_feeds.end, token_id=principal.id)):
        raise not_found("calendar feed of this token")
    return Response(status_code=204)


@router.get(_PATH, response_class=Response, responses={200: {"content": {"text/calendar": {}}}}, summary="The calendar feed")
async def feed(
    request: Request,
    authentication: SignInDep,
    database: DatabaseDep,
    clock: ClockDep,
    turns: TurnsDep,
    key: Annotated[str, Query(max_length=200, description="From POST /v1/calendar/feed.")] = "",
) -> Response:
    """A User's own changes, the DCC's, and others' public summaries; for the desk everyone's. It ends with its token."""
    async with turns.of(f"calendar feed {key}"):
        body = await asyncio.to_thread(_feed, request, authentication, database, clock, key)
    headers = {"Cache-Control": "private, max-age=300", "Content-Disposition": 'inline; filename="changes.ics"'}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def _feed(request: Request, authentication: SignIn, database: Database, clock: Clock, key: str) -> bytes:
    with authentication.guessing(request, key, "calendar feed"):
        principal = _principal(database, clock, key)
    since = clock.wall_us() - _BEHIND_US
    changes = (decode(Change, body) for body in _bodies(database, principal))
    kept = [one for one in changes if us(one.actual_end or one.planned_end) >= since]
    return to_feed(sorted(kept, key=lambda one: (one.planned_start, one.key)))


def _principal(database: Database, clock: Clock, key: str) -> Principal:
    """The principal of the feed. Raises Problem 401 for an unknown or ended key."""
    token_id = database.read(partial(calendar_feeds.token_of, key=key))
    token = database.read(partial(tokens.by_id, token_id=token_id)) if token_id else database.read(partial(tokens.find, secret=key))
    if token is None or not token.good(clock.wall_us()):
        raise Problem(401, "this address is not a calendar feed: make a new one on the page or with POST /v1/calendar/feed")
    principal = principal_of(token)
    if principal.role is Role.INGEST:
        raise Problem(403, f"the role {principal.role.value} may not do this")
    return principal


def _bodies(database: Database, principal: Principal) -> list[bytes]:
    bodies: list[bytes] = []
    position = None
    while len(bodies) < _EVENTS_MAX:
        wanted = Wanted(CHANGE, None, position, _PAGE, ())
        page, position = database.read(partial(records.page, principal=principal, wanted=wanted))
        bodies += page
        if position is None:
            break
    return bodies
