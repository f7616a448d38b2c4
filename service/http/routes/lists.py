"""Lists of decisions: alerts, incidents, change reports, dead letters, the audit log."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from models.vocabulary import AlertKind, ReportVerdict, Severity
from service.access import Principal
from service.auth.authentication import Admin, Desk, Reader
from service.auth.opaque_ids import OpaqueIds
from service.http.routes.common import EncodedInThread, Listing, Page, position, raw, raw_page
from service.http.routes.parts import DatabaseDep, OpaqueIdsDep
from service.problems import CONFLICTS, not_found
from service.store import audit, commits, records
from service.store.database import Database
from service.store.records import ALERT, INCIDENT, REPORT, Wanted
from service.triage import contests
from service.triage.change_names import resolve

router = APIRouter(route_class=EncodedInThread, responses=CONFLICTS)
Status = Literal["open", "updated", "resolved", "active"]


class AlertListing(Listing):
    """Which alerts."""

    status: Status | None = Field(None, description="`active` is everything that is not resolved.")
    kind: AlertKind | None = None
    severity: Severity | None = None
    user: str | None = Field(None, max_length=64)
    incident_id: str | None = Field(None, max_length=200)


class IncidentListing(Listing):
    """Which incidents."""

    status: Status | None = Field(None, description="`active` is everything that is not resolved.")


class ReportListing(Listing):
    """Which change reports."""

    verdict: ReportVerdict | None = None


def _page(database: Database, ids: OpaqueIds, principal: Principal, kind: str, listing: Listing, **equal: str | None) -> Response:
    conditions = tuple((name, value) for name, value in equal.items() if value is not None)
    wanted = Wanted(kind, listing.since_us, position(ids, principal, kind, listing), listing.limit, conditions)
    last = database.read(partial(records.last_seen, principal=principal))
    bodies, following = database.read(partial(records.page, principal=principal, wanted=wanted))
    if kind == REPORT:
        bodies = database.read(partial(contests.with_contests, bodies=bodies))
    page = raw_page(bodies, ids.cursor(principal, kind, following))
    page.headers["last-event-id"] = ids.event_id(principal, last)
    return page


def _one(database: Database, principal: Principal, kind: str, name: str) -> Response:
    body = database.read(partial(records.one, principal=principal, kind=kind, id=name))
    if body is None:
        raise not_found(kind)
    if kind == REPORT:
        return raw(database.read(partial(contests.with_contests, bodies=[body]))[0])
    return raw(body)


@router.get("/v1/alerts", response_model=Page, tags=["alerts"], summary="List alerts")
def alerts(database: DatabaseDep, ids: OpaqueIdsDep, principal: Reader, listing: Annotated[AlertListing, Query()]) -> Response:
    """The last revision of each; a User's own only. The header `Last-Event-ID` gives the position of this list in the event stream."""
    return _page(
        database,
        ids,
        principal,
        ALERT,
        listing,
        status=listing.status,
        topic=listing.kind,
        severity=listing.severity,
        user=listing.user,
        incident_id=listing.incident_id,
    )


@router.get("/v1/alerts/{alert_id}", tags=["alerts"], summary="One alert")
def alert(database: DatabaseDep, principal: Reader, alert_id: str) -> Response:
    """Its last revision."""
    return _one(database, principal, ALERT, alert_id)


@router.get("/v1/alerts/{alert_id}/revisions", response_model=Page, tags=["alerts"], summary="Every revision of an alert")
def alert_revisions(database: DatabaseDep, principal: Reader, alert_id: str) -> Response:
    """Oldest first."""
    bodies = database.read(partial(records.revisions, principal=principal, kind=ALERT, id=alert_id))
    if not bodies:
        raise not_found(ALERT)
    return raw_page(bodies, None)


@router.get("/v1/incidents", response_model=Page, tags=["incidents"], summary="List incidents")
def incidents(database: DatabaseDep, ids: OpaqueIdsDep, principal: Desk, listing: Annotated[IncidentListing, Query()]) -> Response:
    """The last revision of each. For the triage desk: a User sees its alerts."""
    return _page(database, ids, principal, INCIDENT, listing, status=listing.status)


@router.get("/v1/incidents/{incident_id}", tags=["incidents"], summary="One incident")
def incident(database: DatabaseDep, principal: Desk, incident_id: str) -> Response:
    """Its last revision."""
    return _one(database, principal, INCIDENT, incident_id)


@router.get("/v1/change-reports", response_model=Page, tags=["changes"], summary="List change reports")
def change_reports(database: DatabaseDep, ids: OpaqueIdsDep, principal: Reader, listing: Annotated[ReportListing, Query()]) -> Response:
    """The last revision of each; for a User those of its own changes."""
    return _page(database, ids, principal, REPORT, listing, topic=listing.verdict)


@router.get("/v1/change-reports/{change_id}", tags=["changes"], summary="The report on one's own change")
def own_change_report(database: DatabaseDep, principal: Reader, change_id: str) -> Response:
    """Its last revision. An id that only other owners use means theirs, as far as the reader may see it; 409 if several do."""
    return _report(database, principal, change_id)


@router.get("/v1/change-reports/{owner}/{change_id:path}", tags=["changes"], summary="One change report")
def change_report(database: DatabaseDep, principal: Reader, owner: str, change_id: str) -> Response:
    """Its last revision."""
    return _report(database, principal, f"{owner}/{change_id}")


def _report(database: Database, principal: Principal, name: str) -> Response:
    key = resolve(database, principal, name)
    return _one(database, principal, REPORT, name if key is None else key)


@router.get("/v1/dead-letters", response_model=Page, tags=["events"], summary="List dead letters")
def dead_letters(database: DatabaseDep, ids: OpaqueIdsDep, principal: Desk, listing: Annotated[Listing, Query()]) -> Response:
    """Input that could not be used, newest first."""
    before = ids.position(principal, "letters", listing.cursor, 2)
    bodies, following = database.read(partial(commits.letters, before=(before[0], before[1]) if before else None, limit=listing.limit))
    return raw_page(bodies, ids.cursor(principal, "letters", following))


@router.get("/v1/audit", response_model=Page, tags=["tokens"], summary="The audit log")
def audit_log(database: DatabaseDep, ids: OpaqueIdsDep, principal: Admin, listing: Annotated[Listing, Query()]) -> Page:
    """Actions with their actors, newest first."""
    before = position(ids, principal, "audit", listing)
    items, following = database.read(partial(audit.page, before=before, limit=listing.limit))
    return Page(items=items, next=ids.cursor(principal, "audit", following))
