"""SEC limits: notice in Working Days, hours a month, time of day; all against the clock that people live by."""

from datetime import date
from typing import Any

import pytest

from changes.planning.sec_completeness import missing
from changes.planning.sec_limits import SecParameters, breaches
from changes.planning.working_days import latest_notice, working_days_between
from detectors.holidays import HolidayCalendar
from tests.changes.builders import change

HOLIDAYS = HolidayCalendar("GB-ENG")
NIGHT = {"planned_start": "2026-05-12T19:00:00Z", "planned_end": "2026-05-12T23:00:00Z"}


def maintenance(change_id: str = "M", **fields: Any) -> Any:
    return change(change_id, "DCC", **{"category": "planned_maintenance", "declared_at": "2026-03-01T09:00:00Z", **NIGHT, **fields})


def items(*changes: Any, **limits: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.item, one.change_ids) for one in breaches(changes, SecParameters(**limits), HOLIDAYS)]


def test_notice_is_counted_in_working_days_of_england_and_wales() -> None:
    # Between 31 March and 1 May 2026 lie 22 weekdays, of which Good Friday (3 April) and Easter Monday (6 April) are none.
    assert working_days_between(date(2026, 3, 31), date(2026, 5, 1), HOLIDAYS) == 20
    assert latest_notice(date(2026, 5, 1), 20, HOLIDAYS) == date(2026, 3, 31)
    assert latest_notice(date(2026, 2, 1), 20, HOLIDAYS) == date(2026, 1, 2), "and not the Sunday after it"
    assert items(maintenance(declared_at="2026-03-31T20:00:00Z")) == []
    assert items(maintenance(declared_at="2026-04-01T09:00:00Z")) == [("H8.4", ("M",))]
    assert items(maintenance(declared_at="2026-05-11T09:00:00Z")) == [("H8.4", ("M",))]
    assert items(maintenance(declared_at=None)) == []


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        ("2026-05-12T19:00:00Z", "2026-05-13T01:00:00Z", True),  # 20:00 in London
        ("2026-05-12T18:59:00Z", "2026-05-13T00:00:00Z", False),
        ("2026-05-13T00:00:00Z", "2026-05-13T06:00:00Z", True),
        ("2026-05-13T05:00:00Z", "2026-05-13T07:30:00Z", False),
        ("2026-05-13T11:00:00Z", "2026-05-13T12:00:00Z", False),
    ],
)
def test_maintenance_takes_place_at_night_in_london(start: str, end: str, kept: bool) -> None:
    assert items(maintenance(planned_start=start, planned_end=end)) == ([] if kept else [("H8.3", ("M",))])


def test_hours_of_a_month_add_up_over_all_maintenance() -> None:
    other = maintenance("N", planned_start="2026-05-20T19:00:00Z", planned_end="2026-05-20T22:00:00Z")
    assert items(maintenance(), other) == [("H8.3", ("M", "N"))]
    assert items(maintenance(), other, hours_a_month=7) == []
    assert items(maintenance(), other.model_copy(update={"disruption": "none"})) == []
    assert items(maintenance(), other.model_copy(update={"status": "cancelled"})) == []


def test_releases_and_bcdr_tests_with_an_outage_are_maintenance_too() -> None:
    for category in ("release", "bcdr_test"):
        outage = maintenance(category=category, disruption="outage")
        assert [one.item for one in missing(outage)] == ["H8.4(b)", "H8.4(d)"]
        assert missing(maintenance(category=category)) == ()


@pytest.mark.parametrize("text", ["TBC", "n/a", "-", " tbd. ", "N/A", "…", "to be confirmed"])
def test_a_placeholder_is_missing(text: str) -> None:
    declared = maintenance(services=[text], disruption="outage", return_to_normal_risk=text)
    assert [one.item for one in missing(declared)] == ["H8.4(b)", "H8.4(d)"]
    assert missing(maintenance(services=["8.1.1"], disruption="outage", return_to_normal_risk="None")) == ()


def test_users_changes_are_not_bound() -> None:
    assert items(change("U", **{**NIGHT, "planned_end": "2026-05-13T12:00:00Z"}, category="planned_maintenance")) == []
