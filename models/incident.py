"""Incident: all alerts of one event, with its origin, its victims and its timeline."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from models.alert import Suspect, ThreatenedChange
from models.times import At
from models.vocabulary import (
    AlertKind,
    AsTuple,
    Category,
    Count,
    Names,
    Number,
    Phase,
    Revision,
    Severity,
    Share,
    Sorted,
    Status,
    Text,
    UserId,
)
from models.wire_model import WireModel

_SEVERE = 2
"""Categories up to this one count as critical in an older record."""


class TimelineEntry(WireModel):
    """What happened when, in words."""

    at: At
    text: Text


class Missing(WireModel):
    """Messages of one business process that were due and did not arrive, with a 90 % interval."""

    messages: Number
    low: Number
    high: Number


class SimilarIncident(WireModel):
    """An earlier incident of the same kind, and how it ended."""

    incident_id: Text
    opened_at: At
    origin_user: UserId | None
    change_id: Text | None = None
    """The change that was its probable cause."""
    likeness: Share
    """0 to 1: how much of kind, User, process and cause the two incidents share."""
    ended: str
    """The reason why it ended, in a sentence."""


class Incident(WireModel):
    """One revision of an incident; the last revision of an `incident_id` is in force (topic `impact-incidents`, triage only)."""

    incident_id: Text
    revision: Revision
    as_of: At
    """The window that decided this revision."""
    status: Status
    phase: Phase
    """`tail`: the traffic as a whole has recovered; small series that are still affected do not hold the incident open."""
    severity: Severity
    """The highest severity of its alerts in this window."""
    opened_at: At
    ended_at: At | None = None
    """When the trouble ended (estimated)."""
    resolved_at: At | None = None
    """The window that decided that the trouble is over."""
    kinds: Annotated[tuple[AlertKind, ...], AsTuple, Sorted]
    origin_user: UserId | None
    """The User where it began; null for a region, for the DCC side, or if it is not one User's."""
    region: Text | None = None
    """The region that contains all of it."""
    depth: Number | None = None
    """Messages waiting in this window; null where no queue is part of it."""
    peak_depth: Number | None = None
    missing: dict[Text, Missing] = Field(default_factory=dict)
    """Business process → messages that were due and did not arrive; a process whose number is too uncertain is absent."""
    affected_users: Names = ()
    could_be_affected: Count | None = None
    """How many other Users there are."""
    next_step: str = ""
    """What to do first."""
    contact: str | None = None
    """The contact role of the suspected change's owner."""
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
    """Earlier incidents of the same kind, most similar first."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, record: Any) -> Any:
        """Older records have neither phase nor severity; those in data files and topics are still read."""
        if not isinstance(record, dict) or "phase" in record or "severity" in record or "category" not in record:
            return record
        severe = isinstance(record["category"], int) and record["category"] <= _SEVERE
        phase = "tail" if record.get("status") == "resolved" else "holding"
        return record | {"phase": phase, "severity": "critical" if severe else "warning"}
