"""Freeze: days on which a party wants no changes, with reasons and exceptions; a protected day is a freeze of one day."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from changes.scope import scope_users
from changes.windows import window_us
from models.change import Change
from models.times import instant, us
from models.vocabulary import ChangeCategory

_DATE = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})", re.ASCII)


class FreezeParameters(BaseModel):
    """One freeze (`[[changes.freezes]]`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(min_length=1, description="a common name, such as Christmas")
    first_day: str = Field(description="2026-12-18, or 12-18 for every year (UTC)")
    last_day: str = Field(description="the last day, inclusive; 01-05 after 12-18 is in the next year")
    reason: str = Field(min_length=1, description="the reason; shown to whoever plans a change there")
    parties: tuple[str, ...] = Field((), description="owners whose changes it forbids; empty: all owners")
    except_categories: tuple[ChangeCategory, ...] = Field(("emergency",), description="categories that are allowed anyway")
    except_changes: tuple[str, ...] = Field(
        (), description="owner/change_id of changes that are allowed anyway; a change_id alone is anyone's"
    )

    @field_validator("first_day", "last_day", mode="before")
    @classmethod
    def _dates_are_days(cls, value: object) -> object:
        """TOML has dates of its own."""
        return value.isoformat() if type(value) is date else value

    @field_validator("first_day", "last_day")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        match = _DATE.fullmatch(value)
        if match is None:
            raise ValueError("write a day like 2026-12-18, or 12-18 for every year")
        date(int(match[1] or 2024), int(match[2]), int(match[3]))
        return value


@dataclass(frozen=True, slots=True)
class Frozen:
    """A change in a freeze, and when."""

    change: Change
    freeze: FreezeParameters
    from_us: int
    to_us: int


def frozen(changes: Iterable[Change], freezes: Sequence[FreezeParameters]) -> Iterator[Frozen]:
    """Every change that may disrupt something in a freeze of its party, except the allowed ones."""
    for change in changes:
        if change.disruption == "none":
            continue
        start_us, end_us = window_us(change)
        for freeze in freezes:
            if _is_excepted(change, freeze):
                continue
            for from_us, to_us in _spans(freeze, start_us, end_us):
                if start_us < to_us and (from_us < end_us or from_us <= start_us):
                    yield Frozen(change, freeze, max(start_us, from_us), min(max(end_us, start_us), to_us))
                    break


def _is_excepted(change: Change, freeze: FreezeParameters) -> bool:
    if change.category in freeze.except_categories or not {change.key, change.change_id}.isdisjoint(freeze.except_changes):
        return True
    if not freeze.parties:
        return False
    users = scope_users(change) or frozenset()
    return change.owner not in freeze.parties and users.isdisjoint(freeze.parties)


def _spans(freeze: FreezeParameters, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    """The freeze's spans around a window; end exclusive."""
    first, last = _DATE.fullmatch(freeze.first_day), _DATE.fullmatch(freeze.last_day)
    if first is None or last is None:
        return
    years = [int(first[1])] if first[1] else range(instant(start_us).year - 1, instant(end_us).year + 1)
    for year in years:
        begin = _day(year, first)
        end = _day(int(last[1] or year), last)
        if end < begin:
            end = _day(end.year + 1, last)
        yield us(begin), us(end + timedelta(days=1))


def _day(year: int, match: re.Match[str]) -> datetime:
    month, day = int(match[2]), int(match[3])
    if (month, day) == (2, 29):
        day = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return datetime(year, month, day, tzinfo=UTC)
