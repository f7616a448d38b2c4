"""Actions of the triage desk on alerts and incidents; they are stored beside the records, which never change."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from models.times import At, format_time, us
from models.vocabulary import Text
from service.access import Principal
from service.auth.authentication import Desk, Triage
from service.http.routes.common import EncodedInThread, instant_of
from service.http.routes.parts import ClockDep, DatabaseDep, EngineDep, TriageDeskDep
from service.problems import CONFLICTS, Problem, not_found
from service.store import triage_actions
from service.store.records import ALERT, INCIDENT
from service.triage import handover
from service.triage.desk import TriageDesk

router = APIRouter(route_class=EncodedInThread, tags=["triage"], responses=CONFLICTS)
Note = Annotated[str | None, Field(max_length=10_000)]
Subject = Literal["alerts", "incidents"]
_KINDS = {"alerts": ALERT, "incidents": INCIDENT}


class Act(BaseModel):
    """The common fields of every action."""

    name: Annotated[str | None, Field(max_length=200, description="Who; by default the token's name.")] = None
    note: Note = None


class Acknowledgement(Act):
    """Somebody takes responsibility."""


class Closing(Act):
    """A person declares it over, whatever the monitor still sees."""


class Snooze(Act):
    """No reminders until then."""

    until: At


class Assignment(Act):
    """The responsible person or team."""

    to: Text = Field(max_length=200)


class Ticket(Act):
    """The service desk's reference."""

    reference: Text = Field(max_length=200, examples=["INC0012345"])


class Judgement(Act):
    """A person's finding about a suspect."""

    change_id: Annotated[str | None, Field(max_length=200)] = None
    owner: Annotated[str | None, Field(max_length=200, description="For an undeclared change.")] = None
    verdict: Literal["confirmed", "refuted"]


class Merge(Act):
    """Two incidents are one."""

    into: Text = Field(max_length=200, description="The incident that continues.")


class Split(Act):
    """These alerts do not belong to the incident."""

    alert_ids: list[Text] = Field(min_length=1, max_length=500)
    to: Annotated[str | None, Field(max_length=200, description="The incident that they belong to, if there is one.")] = None


class PlainNote(Act):
    """A note for the post-mortem."""

    note: Text = Field(max_length=10_000)


class PostMortem(Act):
    """The story of an incident, edited by people."""

    markdown: Text = Field(max_length=200_000)


class State(BaseModel):
    """The state of one alert or incident after people's actions."""

    id: str
    state: dict[str, Any] = Field(
        description="acknowledged, snoozed_until, silences (in Alertmanager), assigned_to, ticket, escalated_at, closed, suspects,"
        " merged_into, alerts_added, alerts_split_off, notes, post_mortem"
    )


SubjectPath = Annotated[Subject, Path(description="`alerts` or `incidents`")]


async def _act(desk: TriageDesk, principal: Principal, subject: tuple[str, str], action: str, detail: Mapping[str, Any]) -> State:
    return State(id=subject[1], state=await desk.act(principal, subject, action, detail))


@router.post("/v1/alerts/{alert_id}/acknowledge", summary="Acknowledge an alert")
async def acknowledge_alert(desk: TriageDeskDep, principal: Triage, alert_id: str, body: Acknowledgement | None = None) -> State:
    """With a name and a note; ends escalation."""
    return await _act(desk, principal, (ALERT, alert_id), "acknowledge", (body or Acknowledgement()).model_dump())


@router.post("/v1/incidents/{incident_id}/acknowledge", summary="Acknowledge an incident")
async def acknowledge_incident(desk: TriageDeskDep, principal: Triage, incident_id: str, body: Acknowledgement | None = None) -> State:
    """With a name and a note; ends escalation of its alerts."""
    return await _act(desk, principal, (INCIDENT, incident_id), "acknowledge", (body or Acknowledgement()).model_dump())


@router.delete("/v1/{subject}/{subject_id}/acknowledge", summary="Withdraw an acknowledgement")
async def unacknowledge(desk: TriageDeskDep, principal: Triage, subject: SubjectPath, subject_id: str) -> State:
    """Nobody is responsible any more."""
    return await _act(desk, principal, (_KINDS[subject], subject_id), "unacknowledge", {})


@router.post("/v1/{subject}/{subject_id}/snooze", summary="Snooze until a time")
async def snooze(desk: TriageDeskDep, clock: ClockDep, principal: Triage, subject: SubjectPath, subject_id: str, body: Snooze) -> State:
    """It stays in every list, but sends no reminders. There is no snooze without an end."""
    if us(body.until) <= clock.wall_us():
        raise Problem(422, "until: it must not be in the past")
    return await _act(desk, principal, (_KINDS[subject], subject_id), "snooze", {**body.model_dump(), "until": format_time(us(body.until))})


@router.post("/v1/{subject}/{subject_id}/assign", summary="Assign")
async def assign(desk: TriageDeskDep, principal: Triage, subject: SubjectPath, subject_id: str, body: Assignment) -> State:
    """To a person or a team."""
    return await _act(desk, principal, (_KINDS[subject], subject_id), "assign", body.model_dump())


@router.post("/v1/{subject}/{subject_id}/ticket", summary="Set the service desk's reference")
async def ticket(desk: TriageDeskDep, principal: Triage, subject: SubjectPath, subject_id: str, body: Ticket) -> State:
    """So that each system can find the other's record."""
    return await _act(desk, principal, (_KINDS[subject], subject_id), "ticket", body.model_dump())


@router.post("/v1/{subject}/{subject_id}/notes", summary="Add a note")
async def note(desk: TriageDeskDep, principal: Triage, subject: SubjectPath, subject_id: str, body: PlainNote) -> State:
    """For the next shift, and for the post-mortem."""
    return await _act(desk, principal, (_KINDS[subject], subject_id), "note", body.model_dump())


@router.post("/v1/incidents/{incident_id}/suspects", summary="Confirm or refute a suspect")
async def judge(desk: TriageDeskDep, principal: Triage, incident_id: str, body: Judgement) -> State:
    """The finding is stored, and evaluation compares it with the verdicts."""
    if body.change_id is None and body.owner is None:
        raise Problem(422, "name the suspect by change_id, or by owner if nobody declared a change")
    return await _act(desk, principal, (INCIDENT, incident_id), "judge", body.model_dump())


@router.post("/v1/incidents/{incident_id}/merge", summary="Merge into another incident")
async def merge(desk: TriageDeskDep, principal: Triage, incident_id: str, body: Merge) -> State:
    """Both records stay; readers follow `merged_into`.

    409 if `into` is merged into another incident, closed, or over while this one goes on.
    """
    if body.into == incident_id:
        raise Problem(422, "into: an incident can't be merged into itself")
    return await _act(desk, principal, (INCIDENT, incident_id), "merge", body.model_dump())


@router.delete("/v1/incidents/{incident_id}/merge", summary="Take a merge back")
async def unmerge(desk: TriageDeskDep, principal: Triage, incident_id: str) -> State:
    """They were two incidents after all."""
    return await _act(desk, principal, (INCIDENT, incident_id), "unmerge", {})


@router.post("/v1/incidents/{incident_id}/split", summary="Split alerts off")
async def split(desk: TriageDeskDep, principal: Triage, incident_id: str, body: Split) -> State:
    """The alerts no longer belong to this incident, and belong to `to` if that is given. 409 if `to` is merged away or closed."""
    if body.to == incident_id:
        raise Problem(422, "to: alerts can't be split off into the same incident")
    return await _act(desk, principal, (INCIDENT, incident_id), "split", body.model_dump())


@router.post("/v1/incidents/{incident_id}/close", summary="Close an incident")
async def close(desk: TriageDeskDep, principal: Triage, incident_id: str, body: Closing | None = None) -> State:
    """It leaves the page's list of open incidents; its records continue."""
    return await _act(desk, principal, (INCIDENT, incident_id), "close", (body or Closing()).model_dump())


@router.delete("/v1/incidents/{incident_id}/close", summary="Reopen an incident")
async def reopen(desk: TriageDeskDep, principal: Triage, incident_id: str) -> State:
    """It was not over after all."""
    return await _act(desk, principal, (INCIDENT, incident_id), "reopen", {})


@router.put("/v1/incidents/{incident_id}/post-mortem", summary="Keep the post-mortem")
async def post_mortem(desk: TriageDeskDep, principal: Triage, incident_id: str, body: PostMortem) -> State:
    """The story as edited by people; `export` returns it. Earlier drafts stay in the audit log."""
    return await _act(desk, principal, (INCIDENT, incident_id), "post_mortem", body.model_dump())


@router.get("/v1/triage/{subject}", summary="What people did")
def states(
    database: DatabaseDep,
    clock: ClockDep,
    _: Desk,
    subject: SubjectPath,
    id: Annotated[list[str] | None, Query(max_length=1000)] = None,  # noqa: A002 - the query parameter's name
) -> list[State]:
    """The present state of these alerts or incidents, or of all with any action."""
    by_subject = database.read(
        lambda connection: triage_actions.state(triage_actions.actions(connection, _KINDS[subject], id), clock.wall_us())
    )
    return [State(id=name, state=state) for name, state in sorted(by_subject.items())]


@router.get("/v1/handover", summary="Information for the next shift")
def hand_over(
    database: DatabaseDep,
    clock: ClockDep,
    engine: EngineDep,
    _: Desk,
    since: Annotated[str | None, Query(description="RFC 3339; default eight hours ago.")] = None,
) -> dict[str, Any]:
    """Open incidents and actions, alerts that nobody acknowledged, changes of the next twelve hours; as data and as text."""
    now_us = clock.wall_us()
    since_us = instant_of("since", since) or now_us - 8 * 3600 * 1_000_000
    return database.read(
        partial(
            handover.summary,
            since_us=since_us,
            now_us=now_us,
            changes=engine.declared_changes(),
            at_us=engine.watermark_us or now_us,
        )
    )


@router.get("/v1/incidents/{incident_id}/export", summary="An incident's story for the post-mortem")
def export(database: DatabaseDep, clock: ClockDep, _: Desk, incident_id: str) -> dict[str, Any]:
    """The record, its alerts, all actions and notes of people, and the same as Markdown."""
    exported = database.read(partial(handover.story, incident_id=incident_id, now_us=clock.wall_us()))
    if exported is None:
        raise not_found(INCIDENT)
    return exported
