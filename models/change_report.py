"""Change report: what a change did to traffic, after its window and settling time."""

from typing import Annotated

from pydantic import JsonValue

from models.alert import AlertSeries
from models.times import At
from models.vocabulary import AsTuple, Names, Number, ReportVerdict, Revision, Share, Text
from models.wire_model import WireModel


class Effect(WireModel):
    """The effect on one series during the change: observed against expected, and against other Users."""

    series: AlertSeries
    observed: Number
    """Messages over the change's window and settling time."""
    expected: Number
    ratio: Number | None = None
    """Observed / expected, where anything was expected."""
    control_users: Names = ()
    """Users without such a change that served as controls."""
    p_value: Share | None = None
    """How often a placebo showed an effect at least as large."""


class ChangeReport(WireModel):
    """One revision of the report on a change; the last one of each change is in force (topic `change-reports`, key = owner/change_id)."""

    change_id: Text
    revision: Revision
    as_of: At
    """The window that decided this revision."""
    verdict: ReportVerdict
    """`absent`: the change declared an effect that did not appear."""
    score: Share
    """0 to 1."""
    effects: Annotated[tuple[Effect, ...], AsTuple] = ()
    overran_s: Number
    """How long it continued after its planned end; 0 if it did not."""
    started_early_s: Number
    declared_late_s: Number
    """How long after its start the other parties were informed; 0 if they were informed before it."""
    alert_ids: Names = ()
    incident_ids: Names = ()
    """Incidents that it is part of."""
    contested: JsonValue = None
    """Null in records. The API and the page fill in whether the owner contests the verdict."""
    summary: str
    owner: Text | None = None
    """The owner of the change; null in records of earlier releases."""

    @property
    def key(self) -> str:
        """The key of the change: `owner/change_id`."""
        return self.change_id if self.owner is None else f"{self.owner}/{self.change_id}"
