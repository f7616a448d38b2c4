"""The month's schedule shows Parties what they must know, and of Users' changes only what their owners made public."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.planning.issue import ISSUES, issue_of
from changes.planning.schedule import SUMMARY_FIELDS, month_us, schedule
from changes.planning.sec_limits import SecParameters
from models.change import Change
from models.errors import ConfigurationError
from models.times import format_time
from tests.changes.builders import change

PRIVATE = {
    "description": "secret-description",
    "contact": "secret-contact",
    "systems": ["secret-system"],
    "users": ["secret-user"],
    "impact_assessment": "secret-impact",
    "return_to_normal_risk": "secret-risk",
    "expected": {"effect": "up", "factor": 77, "services": ["secret-service"]},
}


def titles(*changes: Change, month: str = "2026-01") -> list[str]:
    return [entry.fields["title"] for entry in schedule(changes, month)]


def test_a_month_begins_and_ends_in_utc() -> None:
    assert [format_time(edge) for edge in month_us("2026-12")] == ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]
    for wrong in ("2026", "2026-13", "January", "", "9999-12", "0001-01", "2026-02\n", "\u0662\u0660\u0662\u0666-\u0660\u0662"):
        with pytest.raises(ConfigurationError, match="2026-02"):
            month_us(wrong)


def test_what_reaches_into_the_month_is_in_it() -> None:
    over = change("A", "DCC", title="over", planned_start="2026-01-31T22:00:00Z", planned_end="2026-02-01T02:00:00Z")
    assert titles(over) == titles(over, month="2026-02") == ["over"]
    assert titles(change("A", "DCC", planned_start="2026-01-31T22:00:00Z", planned_end="2026-02-01T00:00:00Z"), month="2026-02") == []
    point = {"planned_start": "2026-02-01T00:00:00Z", "planned_end": "2026-02-01T00:00:00Z"}
    assert titles(change("A", "DCC", **point), month="2026-02") == ["Work"]


def test_users_changes_appear_only_if_their_owner_made_them_public() -> None:
    made = [
        change("A", "DCC", title="dcc"),
        change("B", "SUP-01", title="hidden"),
        change("C", "SUP-02", title="public", visibility="public_summary"),
        change("D", "Arqiva", title="provider", source="service_provider"),
        change("E", "DCC", title="draft", status="draft"),
        change("F", "DCC", title="cancelled", status="cancelled"),
        change("G", "SUP-02", title="called off", visibility="public_summary", status="cancelled"),
    ]
    assert titles(*made) == ["cancelled", "dcc", "public"]


def test_a_public_summary_holds_owner_title_category_window_services_and_regions() -> None:
    (entry,) = schedule([change(visibility="public_summary", services=["4.8.1"], regions=["north"], **PRIVATE)], "2026-01")
    assert set(entry.fields) == set(SUMMARY_FIELDS)
    assert entry.as_object == {
        "start": "2026-01-05T22:00:00Z",
        "end": "2026-01-05T23:00:00Z",
        "duration_h": 1.0,
        "owner": "SUP-01",
        "title": "Work",
        "category": "other",
        "services": ["4.8.1"],
        "regions": ["north"],
    }


def published(form: str, *changes: Any) -> bytes:
    return ISSUES[form](issue_of(schedule(changes, "2026-01"), "2026-01", SecParameters(), frozenset()))


@pytest.mark.parametrize("form", [form for form in ISSUES if form != "xlsx"])
@given(visibility=st.sampled_from(["dcc_only", "public_summary"]), source=st.sampled_from(["user", "service_provider"]))
@settings(max_examples=10, deadline=None)
def test_no_form_of_it_holds_anything_private(form: str, visibility: str, source: str) -> None:
    private: dict[str, Any] = {"change_id": "secret-id", "visibility": visibility, "source": source, **PRIVATE}
    if visibility == "dcc_only":
        private |= {"title": "secret-title", "owner": "secret-owner"}
    page = published(form, change(**private), change("A", "DCC")).decode()
    assert "secret" not in page
    assert "77" not in page


@pytest.mark.parametrize("form", [form for form in ISSUES if form != "xlsx"])
@pytest.mark.parametrize(
    "title", ["ab\u202ecd", "\x1b[2Jx", "\u200b", "a\u2028b", "a\x85b", "\ufeff=1+1", "a\rb", "a\x00b", "\u2066\u2069"]
)
def test_no_title_reverses_its_line_or_steers_the_terminal_of_a_reader(form: str, title: str) -> None:
    text = published(form, change("U-1", owner="ACME", source="user", title=title, services=[title], visibility="public_summary")).decode()
    assert not {sign for sign in text.replace("\r\n", "\n") if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
    assert ",=1" not in text, "no formula appears once the hidden character before it is gone"


def test_the_dccs_maintenance_shows_what_h84_asks_for() -> None:
    maintenance = change(
        "M",
        "DCC",
        title="Upgrade | DSP <b>",
        category="planned_maintenance",
        services=["8.1.1"],
        disruption="outage",
        return_to_normal_risk="Two hours",
    )
    page = published("md", maintenance).decode()
    row = next(line for line in page.splitlines() if "Upgrade" in line)
    for shown in ("2026-01-05 22:00", "2026-01-05 23:00", "8.1.1", "outage", "Two hours", r"Upgrade \| DSP &lt;b&gt;"):
        assert shown in row
    assert "None." in page


def test_an_event_has_the_same_uid_in_the_next_issue() -> None:
    def uids(*changes: Any) -> set[str]:
        return {line for line in published("ics", *changes).decode().splitlines() if line.startswith("UID:")}

    public = {"visibility": "public_summary", "source": "user"}
    first = change("U", title="Firewall", **public)
    earlier = change("V", "SUP-02", title="Tariff", planned_start="2026-01-02T22:00:00Z", planned_end="2026-01-02T23:00:00Z", **public)
    assert uids(first) < uids(earlier, first)


def test_the_json_form_is_for_programs() -> None:
    document = json.loads(published("json", change("A", "DCC")))
    assert document["month"] == "2026-01"
    assert document["entries"][0]["change_id"] == "A"
