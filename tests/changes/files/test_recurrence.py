"""Recurrence: every rule shape against an independent expander, both clock changes, and rules that never end or never match."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped] # it brings no types

from changes.files.events.moments import parse_moment
from changes.files.events.recurrence import Repetition, occurrences
from changes.files.events.recurrence_rule import expand, parse_rule
from models.errors import Malformed

LONDON = ZoneInfo("Europe/London")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def numbers(rng: random.Random, pool: list[int], most: int) -> str:
    return ",".join(map(str, rng.sample(pool, rng.randint(1, most))))


def shapes(seed: int) -> Iterator[tuple[str, datetime]]:
    """Rules of every shape that RFC 5545 allows at daily and longer frequencies, with a start.

    Left out is where dateutil departs from the RFC: BYDAY with and without a number in one list, BYSETPOS in a broken first week,
    BYWEEKNO without BYDAY.
    """
    rng = random.Random(seed)
    while True:
        frequency = rng.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
        parts = [f"FREQ={frequency}"]
        maybe = {
            "INTERVAL": lambda: str(rng.randint(1, 5)),
            "WKST": lambda: rng.choice(DAYS),
            "BYMONTH": lambda: numbers(rng, [*range(1, 13)], 4),
            "BYHOUR": lambda: numbers(rng, [*range(24)], 3),
            "BYMINUTE": lambda: numbers(rng, [*range(60)], 3),
            "COUNT": lambda: str(rng.randint(1, 20)),
        }
        if frequency != "WEEKLY":
            maybe["BYMONTHDAY"] = lambda: numbers(rng, [*range(1, 32), *range(-31, 0)], 3)
            maybe["BYSETPOS"] = lambda: numbers(rng, [1, 2, 3, -1, -2, -3], 2)
        weeks = frequency == "YEARLY" and rng.random() < 0.25
        if frequency == "YEARLY" and not weeks:
            maybe["BYYEARDAY"] = lambda: numbers(rng, [*range(1, 367), *range(-366, 0)], 3)
        parts += [f"{name}={make()}" for name, make in maybe.items() if rng.random() < 0.3]
        if weeks:
            parts.append(f"BYWEEKNO={numbers(rng, [*range(1, 54), *range(-51, 0)], 3)}")
        if weeks or rng.random() < 0.5:
            numbered = frequency in ("MONTHLY", "YEARLY") and not weeks and rng.random() < 0.5
            days = rng.sample(DAYS, rng.randint(1, 4))
            parts.append("BYDAY=" + ",".join(f"{rng.choice((1, 2, 3, 4, 5, -1, -2)) if numbered else ''}{day}" for day in days))
        yield ";".join(parts), datetime(2026, 1, 1) + timedelta(days=rng.randint(-400, 400), minutes=rng.randint(0, 1439))  # noqa: DTZ001 # a clock of its own


def disagreements(seed: int, rules: int) -> list[tuple[str, datetime]]:
    listed = []
    for text, start in islice(shapes(seed), rules):
        last = start + timedelta(days=1100)
        ours = list(expand(parse_rule(text), start, last))
        if not ours:
            continue  # dateutil looks for a match until the year 9999
        theirs = list(islice((at for at in rrulestr(text, dtstart=start)), len(ours)))
        if ours != theirs:
            listed.append((text, start))
    return listed


def test_every_shape_of_rule_gives_what_an_independent_expander_gives() -> None:
    assert disagreements(1, 150) == []


@pytest.mark.soak
def test_many_rules_of_every_shape_give_what_an_independent_expander_gives() -> None:
    assert disagreements(2, 5000) == []


def test_passing_over_periods_changes_nothing_after_them() -> None:
    for text, start in islice(shapes(3), 100):
        last, skipped = start + timedelta(days=1500), start + timedelta(days=800)
        whole = [at for at in expand(parse_rule(text), start, last) if at >= skipped]
        assert [at for at in expand(parse_rule(text), start, last, skipped) if at >= skipped] == whole, text


@pytest.mark.parametrize("night", ["20260328", "20261024"])
def test_a_series_over_a_clock_change_starts_when_an_independent_library_says(night: str) -> None:
    recurring = pytest.importorskip("recurring_ical_events")
    from icalendar import Calendar

    lines = f"UID:n\r\nDTSTART;TZID=Europe/London:{night}T033000\r\nDURATION:PT90M\r\nRRULE:FREQ=DAILY;COUNT=4"
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    theirs = [event["DTSTART"].dt.astimezone(UTC) for event in recurring.of(Calendar.from_ical(text)).between((2026, 1, 1), (2027, 1, 1))]
    start = parse_moment(f"{night}T033000", "DTSTART")
    times = occurrences(Repetition(start, rules=(parse_rule("FREQ=DAILY;COUNT=4"),)), LONDON)
    assert [one.start for one in times] == sorted(theirs)


@pytest.mark.parametrize("limit", ["COUNT=3", "UNTIL=20260717T220000Z"])
def test_a_start_that_its_rule_does_not_name_is_one_more_time_as_an_independent_library_says(limit: str) -> None:
    recurring = pytest.importorskip("recurring_ical_events")
    from icalendar import Calendar

    rule = f"FREQ=WEEKLY;BYDAY=FR;{limit}"
    lines = f"UID:n\r\nDTSTART:20260701T220000Z\r\nDURATION:PT90M\r\nRRULE:{rule}"
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    theirs = [event["DTSTART"].dt for event in recurring.of(Calendar.from_ical(text)).between((2026, 1, 1), (2027, 1, 1))]
    times = occurrences(Repetition(parse_moment("20260701T220000Z", "DTSTART"), rules=(parse_rule(rule),)), UTC)
    assert [one.start for one in times] == sorted(theirs)
    assert [one.start.day for one in times] == [1, 3, 10, 17]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99991231T000000Z",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=5",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=DAILY;INTERVAL=999999999",
    ],
)
@pytest.mark.parametrize("first", ["00010101T000000", "16010101T000000", "20260105T220000", "99991230T000000"])
def test_no_rule_takes_long(rule: str, first: str) -> None:
    began = time.process_time()
    try:
        times = occurrences(Repetition(parse_moment(first, "DTSTART"), rules=(parse_rule(rule),)), UTC, datetime(2026, 11, 1, tzinfo=UTC))
    except Malformed:
        times = []
    assert time.process_time() - began < 20, "it does not go through all times of ten thousand years"
    assert len(times) <= 5000


def test_a_rule_that_does_not_advance_is_refused_at_once() -> None:
    for text in (
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYMONTH=13",
    ):
        with pytest.raises(Malformed, match="RRULE can't be followed"):
            parse_rule(text)


def test_days_with_and_without_a_number_stand_beside_each_other() -> None:
    times = expand(parse_rule("FREQ=MONTHLY;BYDAY=1MO,FR"), datetime(2026, 1, 1), datetime(2026, 1, 31))  # noqa: DTZ001 # a clock of its own
    assert [at.day for at in times] == [2, 5, 9, 16, 23, 30]


def test_a_week_number_without_a_day_is_the_weekday_of_the_start() -> None:
    times = expand(parse_rule("FREQ=YEARLY;BYWEEKNO=20"), datetime(2026, 5, 11), datetime(2028, 12, 31))  # noqa: DTZ001 # a clock of its own
    assert [at.date().isoformat() for at in times] == ["2026-05-11", "2027-05-17", "2028-05-15"]


def until(text: str, start: str = "20260105T133000") -> list[str]:
    event = Repetition(parse_moment(start, "DTSTART"), rules=(parse_rule(f"FREQ=DAILY;UNTIL={text}"),))
    return [f"{one.start.astimezone(LONDON):%d %H}" for one in occurrences(event, LONDON)]


@pytest.mark.parametrize("text", ["20260107", "20260107T133000", "20260107T133000Z"])
def test_until_is_inclusive_whatever_its_type(text: str) -> None:
    assert until(text) == ["05 13", "06 13", "07 13"]
    assert until("20260107", "20260105T000000") == ["05 00", "06 00", "07 00"]
    assert until("20260106T235959", "20260105") == ["05 00", "06 00"]


def test_an_endless_series_since_long_ago_is_given_around_now() -> None:
    event = Repetition(parse_moment("20000102T013000", "DTSTART"), rules=(parse_rule("FREQ=DAILY"),))
    times = occurrences(event, LONDON, datetime(2026, 11, 1, tzinfo=UTC))
    assert (times[1].start.year, times[-1].start.year) == (2023, 2028)
    assert any(one.start.date().isoformat() == "2026-11-01" for one in times)


def test_days_of_a_duration_are_counted_on_the_clock_and_hours_as_they_elapse() -> None:
    from changes.files.events.moments import parse_duration

    def ends(length: str) -> str:
        start = parse_moment("20261024T220000", "DTSTART")
        (one,) = occurrences(Repetition(start, duration=parse_duration(length)), LONDON)
        return f"{one.end:%dT%H:%M}"

    assert (ends("P1D"), ends("PT24H")) == ("25T22:00", "25T21:00")
