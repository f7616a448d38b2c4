"""Alert: something is wrong with a User's traffic. It carries the possible causes and the first thing to do."""

from typing import Annotated, Any

from pydantic import ConfigDict, GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from models.columns import SeriesKey
from models.times import At
from models.vocabulary import (
    AlertKind,
    AsTuple,
    Basis,
    Category,
    Codes,
    Count,
    Direction,
    EnvelopePosition,
    MessageClass,
    Names,
    Number,
    Revision,
    Severity,
    Share,
    Status,
    SuspectVerdict,
    Text,
    UserId,
)
from models.wire_model import WireModel


class AlertSeries(WireModel):
    """The fields that make a series. A field is null where it does not apply, or where the series of one alert differ in it."""

    user: UserId | None = None
    direction: Direction | None = None
    message_class: MessageClass | None = None
    service: Text | None = None
    region: Text | None = None
    queue: Text | None = None
    window_s: int | None = None

    @classmethod
    def common(cls, keys: tuple[SeriesKey, ...]) -> "AlertSeries":
        """The fields in which all `keys` agree."""
        parts = {name: {getattr(key, name) for key in keys} for name in SeriesKey._fields}
        return cls.model_validate({name: (next(iter(values)) or None) if len(values) == 1 else None for name, values in parts.items()})


class Evidence(WireModel):
    """The measures behind an alert, by kind. A measure that does not apply is left out."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    ratio: Number | None = None
    """Observed / expected."""
    depth: Number | None = None
    """Messages waiting."""
    growth_per_s: Number | None = None
    """Messages a second by which the queue grows."""
    oldest_age_s: Number | None = None
    capacity_eta_s: Number | None = None
    """Time until the queue is full, with an interval."""
    capacity_eta_low_s: Number | None = None
    capacity_eta_high_s: Number | None = None
    drain_eta_s: Number | None = None
    """Time until the queue is empty."""
    age_limit_eta_s: Number | None = None
    """Time until the oldest message expires."""
    predicted_loss: Number | None = None
    """Messages that will expire if nothing changes."""
    empty_windows: Count | None = None
    """Windows in a row without a message."""
    failure_ratio: Number | None = None
    """Failed messages / all messages."""
    codes: Codes = None
    """Response code → count."""
    flaps: Count | None = None
    """How often the trouble ended and came back."""
    habit_days: Count | None = None
    """For a habit: on how many days it came at this time of day."""

    @model_serializer(mode="wrap")
    def _leave_out_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Input and output have the same fields: a field that is left out stays known to type checkers."""
        return cls.described(handler({name: part for name, part in core_schema.items() if name != "serialization"}), handler)


class Reason(WireModel):
    """One piece of evidence for or against a suspect, in a sentence."""

    code: Text
    text: Text


class Suspect(WireModel):
    """A change that may be the cause. Evidence, not blame."""

    change_id: Text | None
    """Null if nobody declared the change, or if the reader may not see it."""
    owner: Text | None
    basis: Basis
    verdict: SuspectVerdict
    score: Share
    """0 to 1."""
    reasons: Annotated[tuple[Reason, ...], AsTuple] = ()

    @property
    def key(self) -> str | None:
        """The change's key, `owner/change_id`; None where no change is named."""
        return None if self.change_id is None or self.owner is None else f"{self.owner}/{self.change_id}"


class ThreatenedChange(WireModel):
    """A change now at risk because of the trouble."""

    change_id: Text
    owner: Text | None = None
    why: Text


class Alert(WireModel):
    """One revision of an alert; the last revision of an `alert_id` is in force (topics `impact-alerts`, `impact-alerts.<USER>`)."""

    alert_id: Text
    revision: Revision
    as_of: At
    """The window that decided this revision."""
    status: Status
    incident_id: Text | None
    """The incident that it belongs to."""
    kind: AlertKind
    user: UserId | None
    """The User whose traffic it is; null for a whole region or for everyone."""
    series: AlertSeries
    onset_at: At
    """When it began (estimated)."""
    detected_at: At
    """End of the first window in which it was detected."""
    ended_at: At | None = None
    """When the trouble ended (estimated)."""
    resolved_at: At | None = None
    """The window that decided that the trouble is over."""
    severity: Severity
    category: Category
    """SEC Incident Category (1 to 5, 1 the gravest) proposed to the Service Desk."""
    category_reason: str
    observed: Number | None
    """A window."""
    expected: Number | None
    """A window."""
    score: Number
    """Nats of evidence."""
    evidence: Evidence
    processes: Names = ()
    """Business processes that suffer: install_and_commission, billing, prepayment …"""
    suspects: Annotated[tuple[Suspect, ...], AsTuple] = ()
    """Best first."""
    envelope: EnvelopePosition = "none"
    """The observed effect compared with the effect that the change declared."""
    affected_users: Names = ()
    """Other Users whose traffic suffers with it."""
    threatened_changes: Annotated[tuple[ThreatenedChange, ...], AsTuple] = ()
    next_step: str
    """What to do first."""
    contact: str | None = None
    """The owner's contact role."""
    summary: str
    """One sentence on which a person at the triage desk can act."""
