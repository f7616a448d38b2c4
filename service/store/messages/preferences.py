"""Preferences: which records a subscriber wants to receive, and when not."""

from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from changes.planning.notices import NoticeKind
from models.times import instant, us
from models.vocabulary import SEVERITIES, AlertKind, Severity
from service.store.records import ALERT, Row


class QuietHours(BaseModel):
    """A span of every day in which only critical messages are sent; it may cross midnight."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    starts: time = Field(examples=["22:00"], description="Local time of day.")
    ends: time = Field(examples=["06:00"], description="Local time of day.")
    zone: str = Field("Europe/London", description="IANA time zone.")

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r:.60} is not an IANA time zone, such as Europe/London") from None
        return zone

    @field_validator("starts", "ends")
    @classmethod
    def _plain(cls, at: time) -> time:
        return at.replace(tzinfo=None)

    def over_us(self, now_us: int) -> int:
        """When sending may begin: `now_us` itself outside the quiet hours."""
        local = instant(now_us).astimezone(ZoneInfo(self.zone))
        clock = local.time()
        inside = self.starts <= clock < self.ends if self.starts <= self.ends else clock >= self.starts or clock < self.ends
        if not inside:
            return now_us
        day = local.date() + timedelta(days=int(clock >= self.ends))
        return us(datetime.combine(day, self.ends, ZoneInfo(self.zone)))


class Preferences(BaseModel):
    """Which records are wanted; an empty list is no restriction."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    records: tuple[Literal["alert", "incident", "report", "change", "notice"], ...] = Field(
        ("alert",), description="Kinds of records; `change`: every revision as it is, `notice`: what happens to changes, in a sentence."
    )
    notices: tuple[NoticeKind, ...] = Field((), description="Kinds of notices on changes; empty: all.")
    ahead_s: int = Field(3600, ge=60, le=604_800, description="How long before its start a change is about to start, in seconds.")
    kinds: tuple[AlertKind, ...] = Field((), description="Kinds of alerts.")
    severity: Severity = Field("warning", description="The lowest severity that is sent.")
    processes: tuple[str, ...] = Field((), description="Business processes that must suffer.")
    updates: bool = Field(default=True, description="Also when an open alert changes.")
    resolved: bool = Field(default=True, description="Also when it is over.")
    escalations: bool = Field(default=False, description="Also alerts that nobody acknowledged in time.")
    sources: bool = Field(default=True, description="Also when a source of events stops and when it is back; the triage desk only.")
    quiet_hours: QuietHours | None = Field(None, description="When only critical messages are sent; the others follow afterwards.")
    digest_s: int = Field(
        0, ge=0, le=86_400, description="Collect messages for this long and send one; 0 sends each at once. Critical ones never wait."
    )

    def wants(self, row: Row, processes: tuple[str, ...]) -> bool:
        """Whether this record may be sent; `service.store.messages.sequence` decides which moments of an alert are."""
        if row.kind not in self.records:
            return False
        if row.kind != ALERT:
            return True
        return (
            (not self.kinds or row.topic in self.kinds)
            and SEVERITIES.index(row.severity or SEVERITIES[0]) >= SEVERITIES.index(self.severity)
            and (not self.processes or bool(set(self.processes) & set(processes)))
        )

    def wants_notice(self, kind: NoticeKind) -> bool:
        """Whether this kind of notice is one to be sent."""
        return "notice" in self.records and (not self.notices or kind in self.notices)

    def due_us(self, now_us: int, *, urgent: bool) -> int:
        """When a message that is created now is due."""
        if urgent:
            return now_us
        gathered = now_us if not self.digest_s else (now_us // (self.digest_s * 1_000_000) + 1) * self.digest_s * 1_000_000
        return self.quiet_hours.over_us(gathered) if self.quiet_hours else gathered
