"""Common parts of handlers: list parameters, pages of records, committed writes."""

import asyncio
import inspect
import sqlite3
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any, TypeVar

from fastapi import Query, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from models.errors import Malformed
from models.times import parse_time
from service.access import Principal
from service.auth.opaque_ids import OpaqueIds
from service.planning.encoding import encoded
from service.problems import Problem
from service.store.database import Database

T = TypeVar("T")
_FIRST_US, _LAST_US = parse_time("1900-01-01T00:00:00Z"), parse_time("9900-01-01T00:00:00Z")
"""Nothing is older or newer, and from there a span may still be counted forward and back: Python's dates end with the year 9999."""


class EncodedInThread(APIRoute):
    """A route that encodes its model in its handler's thread: FastAPI does so on the event loop, where everybody waits for it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        plain = not inspect.iscoroutinefunction(endpoint) and more.get("status_code") is None
        super().__init__(path, _encoding(endpoint) if plain else endpoint, **more)


def _encoding(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def encoding(*args: Any, **more: Any) -> Any:
        made = endpoint(*args, **more)
        return encoded_response(made) if isinstance(made, BaseModel) else made

    return encoding


def encoded_response(made: BaseModel | dict[str, Any], status: int = 200) -> Response:
    """JSON."""
    return Response(encoded(made), status, media_type="application/json")


class Page(BaseModel):
    """One page of a list."""

    items: list[dict[str, Any]] = Field(description="The last revision of each, newest first.")
    next: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")


class Listing(BaseModel):
    """The requested page of a list."""

    limit: int = Field(100, ge=1, le=1000, description="Items of one page.")
    cursor: str | None = Field(None, max_length=200, description="`next` of the previous page.")
    since: str | None = Field(
        None, description="Only records that changed at or after this time (RFC 3339).", examples=["2026-01-05T00:00:00Z"]
    )

    @property
    def since_us(self) -> int | None:
        """`since` as an instant. Raises Problem 422."""
        return instant_of("since", self.since)


Listed = Annotated[Listing, Query()]


def instant_of(name: str, text: str | None) -> int | None:
    """A query parameter as an instant; one beyond `_FIRST_US` and `_LAST_US` is moved there. Raises Problem 422."""
    if text is None:
        return None
    try:
        at_us = parse_time(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
        return min(max(at_us, _FIRST_US), _LAST_US)
    except Malformed as fault:
        raise Problem(422, f"{name}: {fault}") from None


def position(ids: OpaqueIds, principal: Principal, of: str, listing: Listing) -> int | None:
    """The start of the page of the list `of`."""
    numbers = ids.position(principal, of, listing.cursor)
    return numbers[0] if numbers else None


def raw_page(bodies: Sequence[bytes], cursor: str | None) -> Response:
    """A page of records as stored, byte for byte, and the cursor of the next page."""
    tail = b"null" if cursor is None else b'"' + cursor.encode() + b'"'
    return Response(b'{"items":[' + b",".join(bodies) + b'],"next":' + tail + b"}", media_type="application/json")


def raw(body: bytes, status: int = 200) -> Response:
    """One record as it is stored."""
    return Response(body, status, media_type="application/json")


async def committed(database: Database, job: Callable[[sqlite3.Connection], T]) -> T:
    """The result of `job`, when it is committed."""
    return await asyncio.wrap_future(database.write(job))
