"""Incident: all alerts of one event, with its origin, its victims and its story."""

from typing import Annotated

from models.alert import Suspect, ThreatenedChange
from models.times import At
from models.vocabulary import AlertKind, AsTuple, Category, Names, Revision, Share, Sorted, Status, Text, UserId
from models.wire_model import WireModel


class TimelineEntry(WireModel):
    """What happened when, in words."""

    at: At
    text: Text


class SimilarIncident(WireModel):
    """An earlier incident of the same sort, and how it ended."""

    incident_id: Text
    opened_at: At
    origin_user: UserId | None
    change_id: Text | None = None
    """The change that was its probable cause."""
    likeness: Share
    """0 to 1: how much of kind, User, process and cause they share."""
    ended: str
    """What ended it, in a sentence."""


class Incident(WireModel):
    """One revision of an incident; the last of an `incident_id` stands (topic `impact-incidents`, triage only)."""

    incident_id: Text
    revision: Revision
    as_of: At
    """The window that decided this revision."""
    status: Status
    opened_at: At
    resolved_at: At | None = None
    kinds: Annotated[tuple[AlertKind, ...], AsTuple, Sorted]
    origin_user: UserId | None
    """Where it began; null: a region's or the DCC side's, or not one User's."""
    affected_users: Names = ()
    alert_ids: Names
    suspects: Annotated[tuple[Suspect, ...], AsTuple] = ()
    """Best first."""
    threatened_changes: Annotated[tuple[ThreatenedChange, ...], AsTuple] = ()
    processes: Names = ()
    category: Category
    """SEC Incident Category (1 to 5, 1 the gravest) proposed to the Service Desk."""
    category_reason: str
    summary: str
    timeline: Annotated[tuple[TimelineEntry, ...], AsTuple] = ()
    similar: Annotated[tuple[SimilarIncident, ...], AsTuple] = ()
    """Earlier incidents of the same sort, the likest first."""
