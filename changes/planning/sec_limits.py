"""SEC limits: notice, hours and time of day of the DCC's maintenance.

The SEC defines the duties (H8.3, H8.4); the figures here are settings, because they change with directions and agreements. Their defaults
are ours, from general knowledge of section H8, and must be checked against the SEC in force.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from changes.planning.working_days import Holidays, working_days_between
from changes.windows import window_us
from models.change import Change
from models.times import HOUR_US, instant

MAINTENANCE = "planned_maintenance"
WITH_OUTAGE = frozenset({"release", "bcdr_test"})
"""Categories that are maintenance too if they take Services down."""


class SecParameters(BaseModel):
    """Figures of SEC section H8 (`[changes.sec]`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notice_working_days: int = Field(
        20, ge=0, description="Working Days before the month by which the schedule of H8.4 is published (our default)"
    )
    hours_a_month: float = Field(6.0, ge=0, description="Hours of Planned Maintenance in a month, H8.3 (our default)")
    from_hour: int = Field(20, ge=0, le=23, description="Earliest hour of the day at which maintenance begins, H8.3 (our default)")
    to_hour: int = Field(8, ge=0, le=23, description="Hour of the day by which it is over (our default)")
    timezone: str = Field("Europe/London", description="The time zone of months, Working Days and hours of the day")


@dataclass(frozen=True, slots=True)
class Breach:
    """One figure that is not met."""

    change_ids: tuple[str, ...]
    item: str
    """The duty's SEC number."""
    text: str

    @property
    def as_object(self) -> dict[str, Any]:
        """A JSON-like object."""
        return {"change_ids": list(self.change_ids), "item": self.item, "figure": "default or setting", "text": self.text}


def breaches(changes: Iterable[Change], limits: SecParameters, holidays: Holidays) -> tuple[Breach, ...]:
    """The DCC's maintenance that does not meet the figures: by change in their order, then by month.

    Notice is judged if it is known.
    """
    zone = ZoneInfo(limits.timezone)
    bound = [one for one in changes if one.status != "draft" and is_maintenance(one)]
    each = [breach for one in bound for breach in _of_change(one, limits, zone, holidays)]
    return (*each, *_hours(bound, limits, zone))


def is_maintenance(change: Change) -> bool:
    """Whether the DCC takes Services down, or may do so, for planned work."""
    if change.source != "dcc" or change.status == "cancelled":
        return False
    return change.category == MAINTENANCE or (change.category in WITH_OUTAGE and change.disruption == "outage")


def _of_change(change: Change, limits: SecParameters, zone: ZoneInfo, holidays: Holidays) -> Iterable[Breach]:
    start = change.planned_start.astimezone(zone)
    if change.declared_at is not None:
        month = date(start.year, start.month, 1)
        declared_on = change.declared_at.astimezone(zone).date()
        notice = working_days_between(declared_on, month, holidays) if declared_on < month else 0
        if notice < limits.notice_working_days:
            yield Breach(
                (change.change_id,),
                "H8.4",
                f"{change.change_id} was announced {notice} Working Days before {month:%B %Y}; {limits.notice_working_days} are required",
            )
    if change.disruption != "none" and not _at_night(change, limits, zone):
        yield Breach(
            (change.change_id,),
            "H8.3",
            f"{change.change_id} takes place outside {limits.from_hour:02d}:00 to {limits.to_hour:02d}:00 ({limits.timezone})",
        )


def _at_night(change: Change, limits: SecParameters, zone: ZoneInfo) -> bool:
    start, end = change.planned_start.astimezone(zone), change.planned_end.astimezone(zone)
    begins = datetime.combine(start.date(), time(limits.from_hour), zone)
    if limits.from_hour <= limits.to_hour:
        return begins <= start and end <= datetime.combine(start.date(), time(limits.to_hour), zone)
    if start < begins:
        begins -= timedelta(days=1)
    over = datetime.combine(begins.date() + timedelta(days=1), time(limits.to_hour), zone)
    return begins <= start and end <= over


def _hours(changes: list[Change], limits: SecParameters, zone: ZoneInfo) -> Iterable[Breach]:
    by_month: dict[date, list[tuple[Change, int]]] = defaultdict(list)
    for change in changes:
        if change.disruption == "none":
            continue
        for month, length_us in _parts(change, zone):
            by_month[month].append((change, length_us))
    for month in sorted(by_month):
        hours = sum(length_us for _, length_us in by_month[month]) / HOUR_US
        if hours > limits.hours_a_month:
            ids = tuple(sorted({change.change_id for change, _ in by_month[month]}))
            text = f"{month:%B %Y} holds {hours:.4g} hours of Planned Maintenance; {limits.hours_a_month:g} are allowed"
            yield Breach(ids, "H8.3", text)


def _parts(change: Change, zone: ZoneInfo) -> Iterable[tuple[date, int]]:
    """The months of a change, and its hours in each."""
    start_us, end_us = window_us(change)
    at, end = instant(start_us).astimezone(zone), instant(end_us).astimezone(zone)
    while at < end:
        month = date(at.year, at.month, 1)
        following = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=zone)
        until = min(following, end)
        yield month, int((until.astimezone(UTC) - at.astimezone(UTC)).total_seconds() * 1_000_000)
        at = until
