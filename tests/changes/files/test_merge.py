"""Merge: whatever the order in which exports are read, the newest counts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.files.calendar_files import add_to
from changes.files.merge import merge
from changes.files.reader import ReadOptions, read_changes
from models.change import Change
from tests.changes.builders import change, write

BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)


@dataclass
class People:
    """A calendar as people edit it: one series and a few single events, exported after every edit."""

    sequence: int = 0
    hour: int = 1
    nights: int = 4
    out: set[int] = field(default_factory=set)
    moved: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Night → (hour, SEQUENCE of that one time)."""
    single_hour: int = 20

    def edit(self, what: int, where: int) -> None:
        if what == 0:
            self.hour, self.sequence = where % 6, self.sequence + 1
            self.out, self.moved = set(), {}
        elif what == 1:
            self.leave_out(where % self.nights)
        elif what == 2 and where % self.nights not in self.out:
            self.moved[where % self.nights] = (10 + where % 8, self.sequence + 1 + where % 3)
        elif what == 3:
            self.nights, self.sequence = 1 + where % 6, self.sequence + where % 2
            self.out = {night for night in self.out if night < self.nights}
            self.moved = {night: to for night, to in self.moved.items() if night < self.nights}
        else:
            self.single_hour = 12 + where % 10

    def leave_out(self, night: int) -> None:
        self.out.add(night)
        self.moved.pop(night, None)

    def export(self, at: datetime) -> str:
        stamp = f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}"
        out = "".join(f"EXDATE:202603{1 + night:02d}T{self.hour:02d}0000Z\n" for night in sorted(self.out))
        rule = f"RRULE:FREQ=DAILY;COUNT={self.nights}\n{out}SEQUENCE:{self.sequence}"
        events = [f"UID:night\n{stamp}\nDTSTART:20260301T{self.hour:02d}0000Z\nDURATION:PT1H\n{rule}"]
        for night, (hour, sequence) in sorted(self.moved.items()):
            day = f"202603{1 + night:02d}"
            own = f"RECURRENCE-ID:{day}T{self.hour:02d}0000Z\nDTSTART:{day}T{hour:02d}3000Z\nDURATION:PT1H\nSEQUENCE:{sequence}"
            events.append(f"UID:night\n{stamp}\n{own}")
        events.append(f"UID:one\n{stamp}\nDTSTART:20260310T{self.single_hour:02d}0000Z\nDURATION:PT1H")
        bodies = "".join(f"BEGIN:VEVENT\nSUMMARY:Work\n{event}\nEND:VEVENT\n" for event in events)
        return f"BEGIN:VCALENDAR\nVERSION:2.0\n{bodies}END:VCALENDAR\n"


def result(changes: Any) -> list[tuple[str, str, datetime, datetime]]:
    return [(one.change_id, one.status, one.planned_start, one.planned_end) for one in changes]


@given(edits=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), max_size=6), data=st.data())
@settings(max_examples=40, deadline=None)
def test_edits_read_in_any_order_equal_the_last_export_alone(tmp_path_factory: Any, edits: list[tuple[int, int]], data: Any) -> None:
    folder: Path = tmp_path_factory.mktemp("exports")
    people, exports = People(), []
    for number, edit in enumerate([None, *edits]):
        if edit is not None:
            people.edit(*edit)
        text = people.export(BEGIN + timedelta(hours=number))
        exports.append(read_changes(write(folder, f"{number}.ics", text), ReadOptions(owner="SUP-01"))[0])
    alone = merge(exports[-1])
    calendar = folder / "calendar.json"
    for export in data.draw(st.permutations(exports)):
        assert add_to(calendar, export).disagreements == ()
    assert result(read_changes(calendar)[0]) == result(alone.changes)


def test_one_revision_with_two_contents_is_settled_by_the_later_update() -> None:
    early = change(title="early", updated_at="2026-01-01T00:00:00Z")
    late = change(title="late", updated_at="2026-01-02T00:00:00Z")
    for both in ([early, late], [late, early]):
        assert [one.title for one in merge(both).changes] == ["late"]


def test_two_contents_that_nothing_tells_apart_are_a_conflict_and_what_stands_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    add_to(path, [change(title="first")])
    added = add_to(path, [change(title="another")])
    assert [one.text for one in added.disagreements] == [
        "CHG-1 (SUP-01): revision 1 exists with different content: give a higher `revision` or a later `updated_at`"
    ]
    assert [one.title for one in read_changes(path)[0]] == ["first"]
    assert merge([change(title="a"), change(title="b")]).changes == ()
    assert len(merge([change(title="a"), change(title="a")]).changes) == 1


def test_owners_do_not_share_their_ids() -> None:
    assert len(merge([change(owner="SUP-01"), change(owner="SUP-02", title="other")]).changes) == 2


def test_a_single_event_that_becomes_a_series_is_withdrawn_and_back() -> None:
    def at(hour: int, **fields: Any) -> Change:
        return change(exported_at=f"2026-01-01T{hour:02d}:00:00Z", **fields)

    single, later = at(1, change_id="n"), at(3, change_id="n")
    series = at(2, change_id="n/20260105T220000Z", series="n", series_revision=1)
    assert [one.change_id for one in merge([single, series]).changes] == ["n/20260105T220000Z"]
    assert [one.change_id for one in merge([series, later]).changes] == ["n"]


def test_what_a_full_export_no_longer_holds_is_named(tmp_path: Path) -> None:
    path, since = tmp_path / "a.json", datetime(2026, 1, 5, tzinfo=UTC)
    add_to(path, [change("A"), change("B"), change("C", status="cancelled"), change("D", "SUP-02")])
    assert [one.change_id for one in add_to(path, [change("A")], since).missing] == ["B"]
    assert [one.change_id for one in add_to(path, [], since, "SUP-02").missing] == ["D"], "an owner whose export is empty"
    assert add_to(path, [change("A")]).missing == ()
    assert add_to(path, [change("A")], datetime(2026, 1, 6, tzinfo=UTC)).missing == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_times_of_a_series_from_an_older_highwater_are_replaced(order: tuple[int, int]) -> None:
    both = [change("n/20260105T220000Z"), change("n/20260106T220000Z", series="n", series_revision=1)]
    assert [one.change_id for one in merge(both[index] for index in order).changes] == ["n/20260106T220000Z"]
