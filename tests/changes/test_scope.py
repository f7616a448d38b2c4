"""Whose traffic a change touches, and which windows nothing learns from."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.calendar import Calendar, CalendarView
from changes.scope import ScopeTable, matches, scope_users
from models.change import Change
from models.columns import SeriesKey
from tests.changes.builders import at, change, queue, series


def view(*changes: Change) -> CalendarView:
    made = Calendar()
    for one in changes:
        made.declare(one, None)
    return made.view(at("00:00"))


def test_a_users_change_touches_that_user_and_the_dccs_everyone() -> None:
    assert scope_users(change()) == {"SUP-01"}
    assert scope_users(change(users=["SUP-01", "SUP-02"])) == {"SUP-01"}
    assert scope_users(change(users=["SUP-02"])) == {"SUP-01"}
    assert scope_users(change(owner="DCC", users=["SUP-02"])) == {"SUP-02"}
    assert scope_users(change(owner="DCC")) is None
    assert scope_users(change(owner="Arqiva", source="service_provider")) is None


@pytest.mark.parametrize(
    ("fields", "key", "inside"),
    [
        ({}, series(), True),
        ({}, series(user="SUP-02"), False),
        ({"owner": "DCC"}, series(user="SUP-02"), True),
        ({"services": ["4.8.1"]}, series(), True),
        ({"services": ["8.1.1"]}, series(), False),
        ({"services": ["8.1.1"]}, series(service=""), True),
        ({"regions": ["south"]}, series(), False),
        ({"directions": ["to_user"]}, series(), False),
        ({"directions": ["to_user"]}, series(direction="to_user"), True),
        ({"directions": ["to_user"], "services": ["8.1.1"]}, queue(), True),
        ({"directions": ["to_dsp"]}, queue(name="to_user"), False),
        ({"directions": ["to_dsp"]}, queue(name="failed"), True),
        ({"queues": ["failed"]}, queue(name="to_user"), False),
        ({"queues": ["failed"]}, series(), True),
        ({"systems": ["MDM"]}, series(), True),
    ],
)
def test_a_part_that_a_series_does_not_name_can_not_exclude_it(fields: dict[str, Any], key: SeriesKey, inside: bool) -> None:
    assert matches(change(**fields), key) is inside


NAMES = st.sampled_from(["", "a", "b"])
KEYS = st.builds(
    SeriesKey, st.sampled_from(["SUP-01", "SUP-02"]), st.sampled_from(["", "to_user", "to_dsp"]), NAMES, NAMES, NAMES, NAMES, st.just(60)
)
SCOPES = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(["DCC", "SUP-01"]),
        "users": st.lists(st.sampled_from(["SUP-01", "SUP-02", "SUP-03"])),
        "services": st.lists(st.sampled_from(["a", "b", "c"])),
        "regions": st.lists(st.sampled_from(["a", "b"])),
        "directions": st.lists(st.sampled_from(["to_user", "to_dsp"])),
        "queues": st.lists(st.sampled_from(["a", "to_user"])),
    }
)


@given(keys=st.lists(KEYS, max_size=8), scope=SCOPES)
@settings(max_examples=200, deadline=None)
def test_the_columns_say_what_is_said_one_by_one(keys: list[SeriesKey], scope: dict[str, Any]) -> None:
    one = change(**scope)
    assert ScopeTable(tuple(keys)).mask(one).tolist() == [matches(one, key) for key in keys]


def test_a_window_is_declared_as_soon_as_a_change_reaches_into_it() -> None:
    keys = (series("SUP-01"), series("SUP-02"))
    made = view(change())
    spells = {hour: made.declared(keys, at(hour)).tolist() for hour in ("22:00", "22:01", "23:00", "23:01")}
    assert spells == {"22:00": [False, False], "22:01": [True, False], "23:00": [True, False], "23:01": [False, False]}


def test_a_change_without_length_is_declared_in_the_window_that_holds_it() -> None:
    made = view(change(planned_end="2026-01-05T22:00:00Z"))
    assert [made.declared((series(),), at(hour)).tolist() for hour in ("22:00", "22:01", "22:02")] == [[False], [True], [False]]


def test_nothing_learns_until_the_declared_effect_is_over() -> None:
    made = view(change(expected={"effect": "up", "until": "2026-01-05T23:30:00Z"}))
    assert made.declared((series(),), at("23:30")).tolist() == [True]
    assert made.declared((series(),), at("23:31")).tolist() == [False]


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_drafts_and_cancelled_changes_declare_nothing(status: str) -> None:
    assert not view(change(status=status)).declared((series(),), at("22:30")).any()


def test_the_answer_is_remembered_while_the_same_changes_are_at_work() -> None:
    keys = (series(),)
    made = view(change(), change("CHG-2", planned_start="2026-01-05T22:30:00Z"))
    first = made.declared(keys, at("22:10"))
    assert made.declared(keys, at("22:11")) is first
    assert made.declared(keys, at("22:40")) is not first
    assert made.declared((*keys, series("SUP-02")), at("22:11")).tolist() == [True, False]
    with pytest.raises(ValueError, match="read-only"):
        first[0] = False


def test_no_series_no_flags() -> None:
    assert view(change()).declared((), at("22:10")).dtype == np.bool_
