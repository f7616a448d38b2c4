"""The calendar: which revision counts when, whatever the order in which revisions came."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from changes.calendar import Calendar, CalendarView
from models.canonical_json import to_json
from models.change import Change
from models.state_bytes import pack, unpack
from models.times import instant
from tests.changes.builders import at, change

BEGINNING, LATER = at("00:00"), at("2030-01-01T00:00:00Z")


def calendar(*revisions: Change, arrived_us: int | None = None) -> Calendar:
    made = Calendar()
    for revision in revisions:
        made.declare(revision, arrived_us)
    return made


def titles(view: CalendarView) -> list[str]:
    return [known.title for known in view.changes]


def test_the_highest_revision_counts_in_whatever_order_they_come() -> None:
    revisions = [change(revision=number, title=f"r{number}") for number in (1, 2, 10)]
    for order in itertools.permutations(revisions):
        assert titles(calendar(*order).view(BEGINNING)) == ["r10"]


def test_a_revision_counts_from_the_first_window_that_closes_at_or_after_its_update() -> None:
    made = calendar(change(title="old"), change(revision=2, title="new", updated_at="2026-01-05T12:00:00Z"))
    assert titles(made.view(at("11:59"))) == ["old"]
    assert titles(made.view(at("12:00"))) == ["new"]


def test_a_revision_counts_only_after_its_arrival() -> None:
    made = calendar(change(title="old"))
    made.declare(change(revision=2, title="new", updated_at="2026-01-05T12:00:00Z"), at("13:00"))
    assert titles(made.view(at("13:00"))) == ["old"]
    assert titles(made.view(at("13:01"))) == ["new"]


def test_what_arrives_without_times_is_declared_and_updated_on_arrival() -> None:
    (known,) = calendar(change(), arrived_us=at("13:00")).view(at("14:00")).changes
    assert known.declared_at == known.updated_at == instant(at("13:00"))


def test_in_files_nothing_is_known_of_when_it_was_declared() -> None:
    (known,) = calendar(change()).view(BEGINNING).changes
    assert known.declared_at is None
    assert known.updated_at is None


def test_a_lower_revision_that_becomes_known_later_changes_nothing() -> None:
    made = calendar(change(revision=2, title="new"), change(revision=1, title="old", updated_at="2026-01-05T12:00:00Z"))
    before = made.view(at("11:00"))
    assert titles(made.view(at("12:00"))) == ["new"]
    assert made.view(at("12:00")).version == before.version


def test_of_equal_revisions_the_later_update_counts_then_the_greater_text() -> None:
    first, second = change(title="b", updated_at="2026-01-04T00:00:00Z"), change(title="a", updated_at="2026-01-05T00:00:00Z")
    assert titles(calendar(first, second).view(LATER)) == titles(calendar(second, first).view(LATER)) == ["a"]
    first, second = change(title="a"), change(title="b")
    assert titles(calendar(first, second).view(LATER)) == titles(calendar(second, first).view(LATER)) == ["b"]


def test_the_same_again_changes_nothing_and_the_earlier_arrival_stands() -> None:
    made = calendar(change(), arrived_us=at("12:00"))
    before = made.view(at("12:30"))
    made.declare(change(), at("13:00"))
    assert made.view(at("13:30")) is before


def test_a_view_stays_the_same_object_while_nothing_changes() -> None:
    made = calendar(change(), change("CHG-2", revision=2, updated_at="2026-01-05T12:00:00Z"))
    first = made.view(at("10:00"))
    assert made.view(at("11:00")) is first
    second = made.view(at("12:00"))
    assert second is not first
    assert second.version == first.version + 1
    assert made.view(at("20:00")) is second


def test_a_withdrawn_change_is_gone_and_may_come_back() -> None:
    made = calendar(change(), change(revision=2))
    made.view(at("10:00"))
    made.withdraw("SUP-01/CHG-1")
    assert made.view(at("10:01")).changes == ()
    made.declare(change(title="again"), at("10:02"))
    assert titles(made.view(at("10:03"))) == ["again"]


def test_drafts_and_cancelled_changes_are_kept_but_explain_nothing() -> None:
    view = calendar(change("A", status="draft"), change("B", status="cancelled"), change("C")).view(BEGINNING)
    assert [known.change_id for known in view.changes] == ["A", "B", "C"]
    assert [known.change_id for known in view.explaining] == ["C"]
    assert [known.change_id for known in view.active(at("22:30"))] == ["C"]


def test_old_changes_are_forgotten_once_they_are_over_for_good() -> None:
    made = calendar(change("A"), change("B", planned_end="2026-01-09T00:00:00Z"))
    made.forget(at("2026-01-07T00:00:00Z"))
    assert [known.change_id for known in made.view(LATER).changes] == ["B"]


def test_a_user_sees_its_own_and_the_dccs_changes_in_full() -> None:
    view = calendar(
        change("A", "DCC"), change("B", "SUP-01"), change("C", "SUP-02"), change("D", "SUP-01", source="service_provider")
    ).view(LATER)
    assert [known.change_id for known in view.fully_visible_to("SUP-01", 7).changes] == ["A", "B"]


TIMES = st.sampled_from([None, "2026-01-05T06:00:00Z", "2026-01-05T12:00:00Z", "2026-01-05T18:00:00Z"])
REVISIONS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(1, 3),
        st.sampled_from(["x", "y"]),
        TIMES,
        st.one_of(st.none(), st.integers(0, 23)),
    ),
    max_size=6,
)


def built(revision: tuple[Any, ...]) -> tuple[Change, int | None]:
    change_id, number, title, updated_at, hour = revision
    return change(change_id, revision=number, title=title, updated_at=updated_at), None if hour is None else at(f"{hour:02d}:00")


def content(view: CalendarView) -> list[bytes]:
    return [to_json(known) for known in view.changes]


@given(revisions=REVISIONS, order=st.randoms(use_true_random=False), hours=st.lists(st.integers(0, 24), max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_order_of_arrival_makes_a_difference(revisions: list[Any], order: Any, hours: list[int]) -> None:
    shuffled = list(revisions)
    order.shuffle(shuffled)
    one, other = Calendar(), Calendar()
    for made, given_in in ((one, revisions), (other, shuffled)):
        for revision in given_in:
            made.declare(*built(revision))
    assert one.pack()["revisions"] == other.pack()["revisions"]
    for hour in sorted(hours):
        at_us = BEGINNING + hour * 3_600_000_000
        assert content(one.view(at_us)) == content(other.view(at_us))


@given(revisions=REVISIONS, cut=st.integers(0, 6), hours=st.lists(st.integers(0, 24), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_restart_anywhere_changes_neither_content_nor_version(revisions: list[Any], cut: int, hours: list[int]) -> None:
    straight, restarted = Calendar(), Calendar()
    for index, revision in enumerate(revisions):
        for made in (straight, restarted):
            made.declare(*built(revision))
            made.view(BEGINNING + hours[0] * 3_600_000_000)
        if index == cut:
            restarted = Calendar.unpack(unpack(pack(restarted.pack(), 1), 1))
    restarted = Calendar.unpack(unpack(pack(restarted.pack(), 1), 1))
    for hour in sorted(hours):
        views = [made.view(BEGINNING + hour * 3_600_000_000) for made in (straight, restarted)]
        assert content(views[0]) == content(views[1])
        assert views[0].version == views[1].version


def test_reading_a_view_of_the_past_does_not_spoil_the_next() -> None:
    made = calendar(change(title="old"), change(revision=2, title="new", updated_at="2026-01-05T12:00:00Z"))
    assert titles(made.view(at("13:00"))) == ["new"]
    assert titles(made.view(at("11:00"))) == ["old"]
    assert titles(made.view(at("13:00"))) == ["new"]
