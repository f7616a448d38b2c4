"""Change report: what a change did to traffic, once its window and settling time are over."""

from typing import Annotated

from pydantic import JsonValue

from models.alert import AlertSeries
from models.times import At
from models.vocabulary import AsTuple, Names, Number, ReportVerdict, Revision, Share, Text
from models.wire_model import WireModel


class Effect(WireModel):
    """What one series did during the change, against what it should have done and against others."""

    series: AlertSeries
    observed: Number
    """Messages over the change's window and settling time."""
    expected: Number
    ratio: Number | None = None
    """Observed / expected, where anything was expected."""
    control_users: Names = ()
    """Users without such a change that it was compared with."""
    p_value: Share | None = None
    """How often a placebo did as much."""


class ChangeReport(WireModel):
    """One revision of the report on a change; the last of each change stands (topic `change-reports`, key = owner/change_id)."""

    change_id: Text
    revision: Revision
    as_of: At
    """The window that decided this revision."""
    verdict: ReportVerdict
    """`absent`: the change declared an effect that never came."""
    score: Share
    """0 to 1."""
    effects: Annotated[tuple[Effect, ...], AsTuple] = ()
    overran_s: Number
    """How long it went on after its planned end; 0 if it did not."""
    started_early_s: Number
    declared_late_s: Number
    """How long after its start the others were told; 0 if before."""
    alert_ids: Names = ()
    incident_ids: Names = ()
    """Incidents that it is part of."""
    contested: JsonValue = None
    """Null in records; API and page say here whether the owner contests the verdict."""
    summary: str
    owner: Text | None = None
    """Whose change; null in records of earlier releases."""

    @property
    def key(self) -> str:
        """Of the change: `owner/change_id`."""
        return self.change_id if self.owner is None else f"{self.owner}/{self.change_id}"
