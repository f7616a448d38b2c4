"""Change: what an owner declares about its systems, so that others can distinguish its effects from trouble."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from models.times import At
from models.vocabulary import (
    AsTuple,
    ChangeCategory,
    ChangeSource,
    ChangeStatus,
    Direction,
    Disruption,
    MessageClass,
    Names,
    Revision,
    Sorted,
    Text,
    TextOrNone,
    Visibility,
)
from models.wire_model import WireModel


class ExpectedEffect(WireModel):
    """The effect that a change declares on its owner's traffic."""

    effect: Literal["up", "down", "silent"]
    factor: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """The factor on the usual traffic (3.0: three times as much)."""
    until: At | None = None
    """How long the effect lasts, if not until the end of the window."""
    message_classes: Annotated[tuple[MessageClass, ...], AsTuple, Sorted] = ()
    """Empty: all."""
    services: Names = ()
    """Empty: the services of the change."""


def _is_absent(value: Any) -> bool:
    """Fields that only exports of calendars fill are left out while they have no value."""
    return value is None


Expected = Annotated[ExpectedEffect | None, BeforeValidator(lambda value: None if value == {} else value)]


EXAMPLE: JsonDict = {
    "change_id": "CHG-1042",
    "owner": "SUP-01",
    "category": "firewall",
    "title": "Replace the perimeter firewall",
    "planned_start": "2026-01-05T22:00:00Z",
    "planned_end": "2026-01-06T00:00:00Z",
    "declared_at": "2025-12-20T09:00:00Z",
    "directions": ["to_user"],
    "expected": {"effect": "silent"},
    "visibility": "public_summary",
    "contact": "Network operations, on call",
}
"""A revision as an owner sends it, for documents."""


class Change(WireModel):
    """One revision of a declared change (topic `change-calendar`, key = owner/change_id)."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    change_id: Text
    revision: Revision = 1
    """The highest revision counts, in whatever order revisions arrive."""
    owner: Text
    """DCC, a User ID, or a service provider's name; without `/`."""
    source: ChangeSource = Field(default_factory=lambda given: "dcc" if given.get("owner") == "DCC" else "user")
    """Who leads the change; default `dcc` for owner DCC, else `user`."""
    category: ChangeCategory = "other"
    title: Text
    """The activity."""
    description: TextOrNone = None
    status: ChangeStatus = "declared"
    """Drafts and cancelled changes explain nothing."""
    planned_start: At
    planned_end: At
    actual_start: At | None = None
    """Takes precedence over the plan."""
    actual_end: At | None = None
    """Takes precedence over the plan."""
    declared_at: At | None = None
    """When the other parties were informed; default `updated_at`, else on arrival. A time after the start means declared late."""
    updated_at: At | None = None
    """When this revision became known; default `declared_at`, else on arrival. Nothing uses it before."""
    users: Names = ()
    """Scope; empty means not restricted. In a User-led change `users` has no effect: such a change covers its owner's traffic only."""
    services: Names = ()
    """Service Reference Variants or alert codes; empty: all."""
    regions: Names = ()
    directions: Annotated[tuple[Direction, ...], AsTuple, Sorted] = ()
    queues: Names = ()
    systems: Names = ()
    """Parts of the Services that the change touches."""
    disruption: Disruption = "risk"
    return_to_normal_risk: TextOrNone = None
    """Risk to the return of normal Services (SEC H8.4 (d))."""
    expected: Expected = None
    """The expected envelope."""
    impact_assessment: TextOrNone = None
    """SEC H8.8."""
    consultation: TextOrNone = None
    """SEC H8.8."""
    testing_opportunity: TextOrNone = None
    """SEC H8.8."""
    security_assessment: TextOrNone = None
    """SEC H8.8."""
    visibility: Visibility = "dcc_only"
    """For User-led changes: what other Users may see. DCC-led changes are visible to all."""
    contact: TextOrNone = None
    """A role, not a person."""
    series: TextOrNone = Field(None, exclude_if=_is_absent)
    """The repeating event that this change is one occurrence of (the UID of a calendar)."""
    series_revision: Revision | None = Field(None, exclude_if=_is_absent)
    """The revision of that event. When calendars are merged, an occurrence that a newer revision lacks is withdrawn."""
    record_id: TextOrNone = Field(None, exclude_if=_is_absent)
    """What identifies the change at its source, whoever owns it and whatever its `change_id` is there (a ServiceNow `sys_id`)."""
    exported_at: At | None = Field(None, exclude_if=_is_absent)
    """When the export was made. It decides between two contents of one revision with the same `updated_at`, or without one."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = {name: item for name, item in value.items() if item is not None} if None in value.values() else dict(value)
        for name, other in (("declared_at", "updated_at"), ("updated_at", "declared_at")):
            if name not in given and other in given:
                given[name] = given[other]
        return given

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if "/" in self.owner:
            raise ValueError("owner: it must not contain a slash, because a change is identified by owner/change_id")
        if self.planned_end < self.planned_start:
            raise ValueError("planned_end: it must not be before planned_start")
        if self.actual_start is not None and self.actual_end is not None and self.actual_end < self.actual_start:
            raise ValueError("actual_end: it must not be before actual_start")
        return self

    @property
    def key(self) -> str:
        """The identity of the change: `owner/change_id`. An owner contains no `/`, so no owner can take the identity of another change."""
        return f"{self.owner}/{self.change_id}"

    @property
    def explains(self) -> bool:
        """Whether the change may explain anything: drafts and cancelled changes do not."""
        return self.status not in ("draft", "cancelled")

    @property
    def starts_at(self) -> datetime:
        """When it began; before that, when it is planned to begin."""
        return self.actual_start or self.planned_start
