"""The monitor's own state for the page: the age of its data, silent sources, the end of the sign-in."""

from functools import partial

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from models.times import format_time
from service.access import DESK_ROLES
from service.auth.authentication import Reader
from service.charts import queries
from service.http.routes.common import EncodedInThread
from service.http.routes.page import pages
from service.http.routes.parts import (
    BoardDep,
    ClockDep,
    DatabaseDep,
    FalseAlarmsDep,
    HealthDep,
    IdleSecondsDep,
    OpaqueIdsDep,
    SignInDep,
    SourcesDep,
)
from service.metrics import DeskBoard
from service.problems import RESPONSES
from service.store import records, tokens

router = APIRouter(route_class=EncodedInThread, tags=["operations"], responses=RESPONSES)


class Source(BaseModel):
    """A token that sends events."""

    name: str
    quiet_s: float = Field(description="Seconds since its last input, by the wall clock.")
    stopped: bool = Field(description="Whether it has sent nothing for `serve.source_stopped_after_s`.")


class MonitorStatus(BaseModel):
    """The page's information about the monitor itself."""

    now: str = Field(description="The monitor's clock.")
    simulated: bool = Field(description="Whether this is the demo's simulated day: its data is as old as the day.")
    data_until: str | None = Field(description="End of the newest closed window; null before the first.")
    old_after_s: float = Field(description="Data older than this deserves a warning; older than three times this is a fault.")
    fault: str | None = Field(description="Why nothing can be accepted or judged at the moment.")
    signed_in_until: str | None = Field(description="When this browser's sign-in ends; null: it does not end by itself.")
    page: str = Field(description="Version of the page's files: an open page with another one should be loaded again.")
    event_id: str = Field(description="The position of the current lists in the event stream.")
    sources: list[Source] = Field(description="Senders of events; for the triage desk only.")
    events: dict[str, int] = Field(description="Events since the start by outcome; for the triage desk only.")
    alerts: dict[str, int] = Field(description="Alerts since the start by severity; for the triage desk only.")
    false_alarms_per_day: float = Field(description="The budget: the accepted number of false alerts a day in the whole fleet.")


@router.get("/v1/status", summary="The state of the monitor itself")
def status(
    request: Request,
    database: DatabaseDep,
    clock: ClockDep,
    authentication: SignInDep,
    board: BoardDep,
    health: HealthDep,
    ids: OpaqueIdsDep,
    sources: SourcesDep,
    idle_s: IdleSecondsDep,
    budget: FalseAlarmsDep,
    principal: Reader,
) -> MonitorStatus:
    """Cheap enough for a request every few seconds."""
    now_us = clock.wall_us()
    newest = database.read(queries.latest_us)
    session = request.cookies.get(authentication.cookie)
    ends_us = database.read(partial(tokens.session_end, secret=session)) if session else principal.ends_us
    of_desk = principal.role in DESK_ROLES
    last = database.read(partial(records.last_seen, principal=principal))
    return MonitorStatus(
        now=format_time(now_us),
        simulated=authentication.is_open,
        data_until=None if newest is None else format_time(newest),
        old_after_s=max(120.0, 2 * idle_s, 60 + 2 * database.read(queries.shortest_window_s)),  # a window closes with the next one
        fault=health.fault(),
        signed_in_until=None if ends_us is None else format_time(ends_us),
        page=pages.version(),
        event_id=ids.event_id(principal, last),
        sources=[Source(name=one.name, quiet_s=one.quiet_s, stopped=one.stopped) for one in sources.states()] if of_desk else [],
        events=dict(board.events) if of_desk else {},
        alerts=_alerts(board) if of_desk else {},
        false_alarms_per_day=budget,
    )


def _alerts(board: DeskBoard) -> dict[str, int]:
    by_severity: dict[str, int] = {}
    with board.guard:
        for (_, severity), count in board.alerts_total.items():
            by_severity[severity] = by_severity.get(severity, 0) + count
    return by_severity
