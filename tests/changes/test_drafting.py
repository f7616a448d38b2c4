"""Drafting: what a few words say of a change."""

import pytest

from changes.drafting import completed, guess_category, made_id
from models.errors import Malformed


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("Replace the perimeter firewall", "firewall"),
        ("Go live with the new meter data management system", "meter_data_management"),
        ("Disaster recovery test: second site", "bcdr_test"),
        ("Price cap tariff run", "tariff"),
        ("Upgrade portal to 9.2", "release"),
        ("Firmware for ESME cohort", "firmware"),
        ("Renew the TLS certificate", "network"),
        ("Lunch", "other"),
    ],
)
def test_the_category_is_guessed_from_the_title(title: str, category: str) -> None:
    assert guess_category(title) == category


@pytest.mark.parametrize(
    ("owner", "title", "category"),
    [
        ("DCC", "Head end maintenance", "planned_maintenance"),
        ("DCC", "Emergency maintenance of the head end", "emergency"),
        ("SUP-01", "Head end maintenance", "meter_data_management"),
    ],
)
def test_what_the_dcc_calls_maintenance_has_the_duties_of_it(owner: str, title: str, category: str) -> None:
    assert guess_category(title, owner) == category
    assert completed({"owner": owner, "title": title})[0]["category"] == category


def test_an_id_is_made_from_start_and_title_and_stays_the_same() -> None:
    fields, made = completed({"title": "Replace the (old) firewall!", "planned_start": "2026-01-05T23:30:00+01:00"})
    assert (fields["change_id"], fields["category"]) == ("20260105T2230-replace-the-old-firewall", "firewall")
    assert made == ("category", "change_id")
    assert completed({"title": "x", "change_id": "C", "category": "release"}) == (
        {"title": "x", "change_id": "C", "category": "release"},
        (),
    )
    assert made_id("…", "2026-01-05T22:00:00Z") == "20260105T2200-change"
    with pytest.raises(Malformed):
        made_id("x", "tomorrow")
