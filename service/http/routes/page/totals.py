"""Chart data of a User's whole traffic, and of every User's at once."""

import sqlite3
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from models.columns import Floats
from models.times import DAY_US, HOUR_US, SECOND_US, format_time
from models.vocabulary import Direction, MessageClass
from service.access import Principal
from service.auth.authentication import Reader
from service.charts import heat, queries
from service.charts.compaction import Keep
from service.charts.totals import Span, totals
from service.http.routes.common import EncodedInThread, instant_of
from service.http.routes.parts import DatabaseDep, HeatReaderDep, KeepDep
from service.problems import RESPONSES, Problem
from service.store.database import Database

router = APIRouter(route_class=EncodedInThread, tags=["series"], responses=RESPONSES)
_MOST_SERIES = 2000
_LONGEST_HEAT_US = 48 * HOUR_US
_SUMS = ("messages", "expected", "judged", "failures")


class Total(BaseModel):
    """The series to add up, and the span."""

    user: str | None = Field(None, max_length=64)
    direction: Direction | None = None
    message_class: MessageClass | None = None
    service: str | None = Field(None, max_length=200)
    region: str | None = Field(None, max_length=200)
    start: str | None = Field(None, alias="from", description="RFC 3339; default a day before the end.")
    end: str | None = Field(None, alias="to", description="RFC 3339; default the newest window.")
    points: int = Field(400, ge=1, le=5000, description="Maximum number of points; lowest and highest values are kept.")


class TotalLine(BaseModel):
    """Messages a minute, all chosen series together."""

    start: str | None = Field(serialization_alias="from")
    end: str | None = Field(serialization_alias="to")
    resolution_s: int
    series: int = Field(description="Number of series that were added up.")
    columns: tuple[str, ...]
    points: list[list[Any]]


class HeatSpan(BaseModel):
    """Which span, in which steps."""

    start: str | None = Field(None, alias="from", description="RFC 3339; default a day before the end.")
    end: str | None = Field(None, alias="to", description="RFC 3339, at most 48 hours later; default the newest window.")
    bucket_s: int = Field(900, description="Seconds of one step: 300, 900 or 3600.")


class HeatMap(BaseModel):
    """Users × steps; null where nothing came."""

    start: str | None = Field(serialization_alias="from")
    end: str | None = Field(serialization_alias="to")
    bucket_s: int
    users: list[str]
    messages: list[list[float | None]]
    expected: list[list[float | None]]
    judged: list[list[float | None]] = Field(description="Messages with an expectation.")
    failures: list[list[float | None]]
    depth: list[list[float | None]] = Field(description="The deepest queue.")


def _span(database: Database, start: str | None, end: str | None) -> tuple[int, int] | None:
    end_us = instant_of("to", end) or database.read(queries.latest_us)
    if end_us is None:
        return None
    start_us = instant_of("from", start)
    start_us = end_us - DAY_US if start_us is None else start_us
    if start_us >= end_us:
        raise Problem(422, "from: it must be before to")
    return start_us, end_us


@router.get("/v1/series/totals", summary="Chart data, several series added up")
def total(database: DatabaseDep, keep: KeepDep, principal: Reader, chosen: Annotated[Total, Query()]) -> TotalLine:
    """All traffic of a User, or of the selected series, in messages a minute. A User's own only."""
    span = _span(database, chosen.start, chosen.end)
    if span is None:
        return TotalLine(start=None, end=None, resolution_s=60, series=0, columns=(), points=[])
    read = partial(_total, principal=principal, chosen=chosen, span=Span(*span, chosen.points), keep=keep)
    count, values = database.read(read)
    return TotalLine(start=format_time(span[0]), end=format_time(span[1]), series=count, **values)


def _total(connection: sqlite3.Connection, principal: Principal, chosen: Total, span: Span, keep: Keep) -> tuple[int, dict[str, Any]]:
    wanted = {name: value for name in queries.FIELDS if (value := getattr(chosen, name, None)) is not None}
    series = queries.matching(connection, principal, wanted, 0, _MOST_SERIES, queues=False)
    return len(series), totals(connection, series, span, keep)


@router.get("/v1/series/heat", summary="Every User's traffic in steps of minutes")
def heat_map(database: DatabaseDep, heats: HeatReaderDep, principal: Reader, chosen: Annotated[HeatSpan, Query()]) -> HeatMap:
    """Messages, expected messages, failures and the deepest queue. A User sees its own row."""
    if chosen.bucket_s not in (300, 900, 3600):
        raise Problem(422, "bucket_s: it must be 300, 900 or 3600")
    span = _span(database, chosen.start, chosen.end)
    if span is None:
        nothing: dict[str, Any] = {name: [] for name in ("users", *_SUMS, "depth")}
        return HeatMap(start=None, end=None, bucket_s=chosen.bucket_s, **nothing)
    if span[1] - span[0] > _LONGEST_HEAT_US:
        raise Problem(422, "from: at most 48 hours before to")
    users, cells = database.read(partial(heats.read, from_us=span[0], to_us=span[1]))
    rows = [index for index, user in enumerate(users) if principal.user in (None, user)]
    coarse = _coarser(cells[:, rows], chosen.bucket_s // 300)
    first_us = span[0] // HOUR_US * HOUR_US
    named = {name: _lists(coarse[row]) for row, name in enumerate((*_SUMS, "depth"))}
    end_us = first_us + coarse.shape[2] * chosen.bucket_s * SECOND_US
    return HeatMap(
        start=format_time(first_us), end=format_time(end_us), bucket_s=chosen.bucket_s, users=[users[row] for row in rows], **named
    )


def _coarser(cells: Floats, factor: int) -> Floats:
    """(5, Users, buckets) in wider buckets: sums, and the highest depth."""
    if factor == 1:
        return cells
    wide = cells.reshape(*cells.shape[:2], cells.shape[2] // factor, factor)
    nothing = np.isnan(wide).all(axis=3)
    sums: Floats = np.nansum(wide, axis=3)
    sums[heat.DEPTH] = np.where(np.isnan(wide[heat.DEPTH]), -np.inf, wide[heat.DEPTH]).max(axis=2)
    sums[nothing] = np.nan
    return sums


def _lists(cells: Floats) -> list[list[float | None]]:
    rounded = np.round(cells)
    return [[None if value != value else value for value in row] for row in rounded.tolist()]
