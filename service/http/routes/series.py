"""Chart data of series and queues."""

import sqlite3
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from models.times import DAY_US, format_time
from models.vocabulary import Direction, MessageClass
from service.access import Principal
from service.auth.authentication import Reader
from service.charts import queries
from service.charts.compaction import Keep
from service.http.routes.common import EncodedInThread, instant_of
from service.http.routes.parts import DatabaseDep, KeepDep, OpaqueIdsDep
from service.problems import RESPONSES, Problem

router = APIRouter(route_class=EncodedInThread, tags=["series"], responses=RESPONSES)


class Chosen(BaseModel):
    """The requested series and columns."""

    user: str | None = Field(None, max_length=64)
    direction: Direction | None = None
    message_class: MessageClass | None = None
    service: str | None = Field(None, max_length=200)
    region: str | None = Field(None, max_length=200)
    queue: str | None = Field(None, max_length=200)
    kind: str | None = Field(None, pattern="^(traffic|queue)$", description="Only message rates, or only queues.")
    start: str | None = Field(None, alias="from", description="RFC 3339; default a day before the end.")
    end: str | None = Field(None, alias="to", description="RFC 3339; default the newest window.")
    points: int = Field(400, ge=1, le=5000, description="Maximum number of points of one series; lowest and highest values are kept.")
    limit: int = Field(20, ge=1, le=1000, description="Series of one page.")
    cursor: str | None = Field(None, max_length=200)


class SeriesPage(BaseModel):
    """One page of charts."""

    items: list[dict[str, Any]] = Field(
        description="`series` (the fields that make it), `unit`, `resolution_s`, `columns` and `points`: one row of columns a point."
    )
    start: str | None = Field(serialization_alias="from", description="Null before the first window.")
    end: str | None = Field(serialization_alias="to")
    next: str | None


@router.get("/v1/series", summary="Chart data")
def series(database: DatabaseDep, ids: OpaqueIdsDep, keep: KeepDep, principal: Reader, chosen: Annotated[Chosen, Query()]) -> SeriesPage:
    """Depth of queues, or messages of series against the expectation, rolled up so that no peak is lost. A User's own only."""
    newest = database.read(queries.latest_us)
    end_us = instant_of("to", chosen.end) or newest
    start_us = instant_of("from", chosen.start)
    if end_us is None:
        return SeriesPage(items=[], start=None, end=None, next=None)
    start_us = end_us - DAY_US if start_us is None else start_us
    if start_us > end_us:
        raise Problem(422, "from: it must not be after to")
    after = ids.position(principal, "series", chosen.cursor)
    items, following = database.read(
        partial(_charts, principal=principal, chosen=chosen, after=after[0] if after else 0, span=(start_us, end_us), keep=keep)
    )
    return SeriesPage(items=items, start=format_time(start_us), end=format_time(end_us), next=ids.cursor(principal, "series", following))


@router.get("/v1/series/names", summary="List the series")
def names(database: DatabaseDep, ids: OpaqueIdsDep, principal: Reader, chosen: Annotated[Chosen, Query()]) -> SeriesPage:
    """The fields of each series that the reader may see, without points."""
    after = ids.position(principal, "series", chosen.cursor)
    series = database.read(partial(_chosen_series, principal=principal, chosen=chosen, after=after[0] if after else 0))
    following = series[chosen.limit - 1].id if len(series) > chosen.limit else None
    items: list[dict[str, Any]] = [{"series": one.fields} for one in series[: chosen.limit]]
    return SeriesPage(items=items, start=None, end=None, next=ids.cursor(principal, "series", following))


def _chosen_series(connection: sqlite3.Connection, principal: Principal, chosen: Chosen, after: int) -> list[queries.Series]:
    wanted = {name: value for name in queries.FIELDS if (value := getattr(chosen, name)) is not None}
    queues = None if chosen.kind is None else chosen.kind == "queue"
    return queries.matching(connection, principal, wanted, after, chosen.limit + 1, queues=queues)


def _charts(
    connection: sqlite3.Connection, principal: Principal, chosen: Chosen, after: int, span: tuple[int, int], keep: Keep
) -> tuple[list[dict[str, Any]], int | None]:
    series = _chosen_series(connection, principal, chosen, after)
    following = series[chosen.limit - 1].id if len(series) > chosen.limit else None
    return queries.charts(connection, series[: chosen.limit], *span, chosen.points, keep), following
