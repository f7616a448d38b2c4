"""iCalendar: events and their repetitions, both clock changes included."""

from pathlib import Path
from typing import Any

import pytest

from changes.files.merge import is_superseded, merge, series_ranks, withdrawn
from changes.files.reader import ReadOptions, describe, read_changes
from models.times import format_time, us
from tests.changes.builders import write

LONDON = "TZID=Europe/London"


def ics(*events: str, before: str = "") -> str:
    """A calendar of VEVENTs, given by their lines between BEGIN and END; each has an owner."""
    bodies = "".join(f"BEGIN:VEVENT\nX-HIGHWATER-OWNER:SUP-01\nSUMMARY:Work\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{before}{bodies}END:VCALENDAR\n".replace("\n", "\r\n")


def read(folder: Path, *events: str, before: str = "", **assumed: Any) -> tuple[list[Any], list[str]]:
    path = write(folder, "a.ics", ics(*events, before=before))
    made, rejected = read_changes(path, ReadOptions(**assumed))
    return made, [describe(one).removeprefix(f"{path}, ") for one in rejected]


def spans(made: list[Any]) -> list[str]:
    return [f"{format_time(us(one.planned_start))}/{format_time(us(one.planned_end))}" for one in made]


def nightly(first: str, last: str, more: str = "") -> str:
    """01:30 to 03:00 London time, every night."""
    day = f"DTSTART;{LONDON}:{first}T013000\nDTEND;{LONDON}:{first}T030000"
    return f"UID:night\n{day}\nRRULE:FREQ=DAILY;UNTIL={last}T235959Z\n{more}"


def test_an_event_becomes_a_change(tmp_path: Path) -> None:
    event = r"""UID:a1
DTSTART:20260105T220000Z
DURATION:PT90M
SEQUENCE:2
STATUS:CONFIRMED
CATEGORIES:Ops,firewall
DESCRIPTION:Two\, three
CONTACT:Network desk
CREATED:20251220T090000Z
LAST-MODIFIED:20251221T090000Z
X-HIGHWATER-SERVICES:4.8.1\;8.1.1
X-HIGHWATER-VISIBILITY:public_summary
X-HIGHWATER-EXPECTED:{"effect":"silent"\,"until":"2026-01-06T00:00:00Z"}"""
    (made,), faults = read(tmp_path, event)
    assert faults == []
    assert (made.change_id, made.revision, made.owner, made.title, made.status) == ("a1", 3, "SUP-01", "Work", "confirmed")
    assert (made.category, made.description, made.contact) == ("firewall", "Two, three", "Network desk")
    assert (made.services, made.visibility, made.expected.effect) == (("4.8.1", "8.1.1"), "public_summary", "silent")
    assert format_time(us(made.declared_at)) == "2025-12-20T09:00:00Z"
    assert format_time(us(made.updated_at)) == "2025-12-21T09:00:00Z"
    assert spans([made]) == ["2026-01-05T22:00:00Z/2026-01-05T23:30:00Z"]


def test_a_nightly_event_keeps_its_exact_length_when_the_clocks_go_back(tmp_path: Path) -> None:
    made, _ = read(tmp_path, nightly("20261024", "20261026"))
    assert spans(made) == [
        "2026-10-24T00:30:00Z/2026-10-24T02:00:00Z",
        "2026-10-25T00:30:00Z/2026-10-25T02:00:00Z",
        "2026-10-26T01:30:00Z/2026-10-26T03:00:00Z",
    ]


def test_a_nightly_event_keeps_its_exact_length_when_the_clocks_go_forward(tmp_path: Path) -> None:
    made, _ = read(tmp_path, nightly("20260328", "20260330"))
    assert spans(made) == [
        "2026-03-28T01:30:00Z/2026-03-28T03:00:00Z",
        "2026-03-29T01:30:00Z/2026-03-29T03:00:00Z",
        "2026-03-30T00:30:00Z/2026-03-30T02:00:00Z",
    ]


def test_an_event_that_first_takes_place_in_a_short_night_is_as_long_as_the_clock_really_ran(tmp_path: Path) -> None:
    made, _ = read(tmp_path, f"UID:a\nDTSTART;{LONDON}:20260329T003000\nDTEND;{LONDON}:20260329T030000\nRRULE:FREQ=DAILY;COUNT=2")
    assert spans(made) == ["2026-03-29T00:30:00Z/2026-03-29T02:00:00Z", "2026-03-29T23:30:00Z/2026-03-30T01:00:00Z"]


def test_an_event_in_utc_does_not_move_with_the_clocks(tmp_path: Path) -> None:
    made, _ = read(tmp_path, "UID:a\nDTSTART:20261024T010000Z\nDTEND:20261024T020000Z\nRRULE:FREQ=DAILY;COUNT=3")
    assert [span[11:16] for span in spans(made)] == ["01:00"] * 3


def test_all_day_events_last_from_midnight_to_midnight(tmp_path: Path) -> None:
    made, _ = read(tmp_path, "UID:a\nDTSTART;VALUE=DATE:20261024\nRRULE:FREQ=DAILY;COUNT=2", timezone="Europe/London")
    assert spans(made) == ["2026-10-23T23:00:00Z/2026-10-24T23:00:00Z", "2026-10-24T23:00:00Z/2026-10-26T00:00:00Z"]


def test_each_time_has_an_id_of_its_own_that_stays(tmp_path: Path) -> None:
    made, _ = read(tmp_path, nightly("20261024", "20261025"))
    assert [one.change_id for one in made] == ["night/20261024T003000Z", "night/20261025T003000Z"]


def test_dates_are_taken_out_put_in_and_moved(tmp_path: Path) -> None:
    moved = (
        f"UID:night\nRECURRENCE-ID;{LONDON}:20261026T013000\nDTSTART;{LONDON}:20261026T053000\nDTEND;{LONDON}:20261026T060000\nSEQUENCE:1"
    )
    dates = f"EXDATE;{LONDON}:20261025T013000\nRDATE:20261101T120000Z"
    made, faults = read(tmp_path, nightly("20261024", "20261026", dates), moved)
    assert faults == []
    assert {one.change_id: span for one, span in zip(made, spans(made), strict=True)} == {
        "night/20261024T003000Z": "2026-10-24T00:30:00Z/2026-10-24T02:00:00Z",
        "night/20261101T120000Z": "2026-11-01T12:00:00Z/2026-11-01T13:30:00Z",
        "night/20261026T013000Z": "2026-10-26T05:30:00Z/2026-10-26T06:00:00Z",
    }


def test_a_moved_day_keeps_the_id_that_its_series_gives_it(tmp_path: Path) -> None:
    days = "UID:d\nDTSTART;VALUE=DATE:20260701\nRRULE:FREQ=DAILY;COUNT=2"
    moved = "UID:d\nRECURRENCE-ID;VALUE=DATE:20260702\nDTSTART:20260715T100000Z\nDTEND:20260715T110000Z"
    made, _ = read(tmp_path, moved, days, timezone="Europe/London")
    assert {one.change_id for one in made} == {"d/20260630T230000Z", "d/20260701T230000Z"}


def test_a_cancelled_time_of_a_series_is_cancelled_alone(tmp_path: Path) -> None:
    cancelled = f"UID:night\nRECURRENCE-ID;{LONDON}:20261025T013000\nDTSTART;{LONDON}:20261025T013000\nSTATUS:CANCELLED"
    made, _ = read(tmp_path, nightly("20261024", "20261025"), cancelled)
    assert {one.change_id: one.status for one in made} == {"night/20261024T003000Z": "declared", "night/20261025T003000Z": "cancelled"}


def test_the_calendars_own_zone_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    floating = "UID:a\nDTSTART:20260701T120000\nDTEND:20260701T130000"
    made, _ = read(tmp_path, floating, before="X-WR-TIMEZONE:Europe/London\n")
    assert spans(made) == ["2026-07-01T11:00:00Z/2026-07-01T12:00:00Z"]
    assert read(tmp_path, floating)[1] == ["event 1, uid a: 2026-07-01 12:00:00 has no time zone: name the calendar's zone (--timezone)"]


def test_a_zone_defined_in_the_file_is_followed(tmp_path: Path) -> None:
    zone = """BEGIN:VTIMEZONE
TZID:Somewhere
BEGIN:STANDARD
DTSTART:19701025T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T010000
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
    for first, starts in (("20260328", ["01:30", "01:30", "00:30"]), ("20261024", ["00:30", "00:30", "01:30"])):
        event = f"UID:a\nDTSTART;TZID=Somewhere:{first}T013000\nDTEND;TZID=Somewhere:{first}T030000\nRRULE:FREQ=DAILY;COUNT=3"
        made, _ = read(tmp_path, event, before=zone)
        assert [span[11:16] for span in spans(made)] == starts
        assert {one.planned_end - one.planned_start for one in made} == {made[0].planned_end - made[0].planned_start}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("UID:x\nDTSTART:2026xx", "DTSTART"),
        ("UID:x", "DTSTART is missing"),
        ("DTSTART:20260105T220000Z", "UID is missing"),
        ("UID:x\nDTSTART:20260105T220000Z\nRRULE:FREQ=HOURLY", "more often than daily"),
        ("UID:x\nDTSTART:20260105T220000Z\nRRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8", "more than 5000 times"),
        ("UID:x\nDTSTART:20260105T220000Z\nDTEND:20260105T210000Z", "DTEND is before DTSTART"),
        ("UID:x\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260105T220000Z\nDTSTART:20260105T220000Z", "RANGE"),
        ("UID:x\nDTSTART:20260105T220000Z\nDTSTART:20260105T230000Z", "DTSTART occurs 2 times"),
    ],
)
def test_a_bad_event_costs_no_other(tmp_path: Path, event: str, words: str) -> None:
    made, faults = read(tmp_path, event, "UID:good\nDTSTART:20260105T220000Z")
    assert [one.change_id for one in made] == ["good"]
    assert len(faults) == 1
    assert words in faults[0]


def test_an_endless_event_is_followed_for_two_years_after_its_export(tmp_path: Path) -> None:
    made, _ = read(tmp_path, "UID:x\nDTSTART:20200101T000000Z\nDTSTAMP:20260101T000000Z\nRRULE:FREQ=MONTHLY")
    assert len(made) == 12 * 8 + 1
    assert spans(made)[-1].startswith("2028-01-01")


def test_the_organizer_owns_what_says_no_owner(tmp_path: Path) -> None:
    event = "UID:x\nDTSTART:20260105T220000Z\nORGANIZER;CN=SUP-09:mailto:a@example.invalid"
    (made,), _ = read_changes(write(tmp_path, "a.ics", ics(event).replace("X-HIGHWATER-OWNER:SUP-01\r\n", "")))
    assert made.owner == "SUP-09"
    quoted = event.replace("CN=SUP-09", "CN=\"Ops ^'North^', day\"")
    (made,), _ = read_changes(write(tmp_path, "a.ics", ics(quoted).replace("X-HIGHWATER-OWNER:SUP-01\r\n", "")))
    assert made.owner == 'Ops "North", day'


GOOD = "UID:good\nDTSTART:20260105T220000Z\nDTEND:20260105T230000Z"


@pytest.mark.parametrize("zone", ["(UTC+01:00) Amsterdam", "Custom", "Europe/Lundon", "/private.example/Nowhere", "localtime"])
@pytest.mark.parametrize("assumed", [{}, {"timezone": "Europe/London"}])
def test_a_zone_that_nobody_knows_is_refused_by_its_name(tmp_path: Path, zone: str, assumed: dict[str, str]) -> None:
    made, faults = read(tmp_path, f'UID:x\nDTSTART;TZID="{zone}":20260713T060000', GOOD, **assumed)
    assert [one.change_id for one in made] == ["good"]
    assert f"time zone {zone!r} is unknown" in faults[0]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("GMT Standard Time", "2026-07-13T05:00:00Z"),
        ("/citadel.org/20190101_1/Europe/London", "2026-07-13T05:00:00Z"),
        ("europe/london", "2026-07-13T05:00:00Z"),
        ('"tzone://Microsoft/Utc"', "2026-07-13T06:00:00Z"),
        ("America/Argentina/Ushuaia", "2026-07-13T09:00:00Z"),
    ],
)
def test_zones_are_known_by_every_usual_name(tmp_path: Path, zone: str, start: str) -> None:
    (made,), faults = read(tmp_path, f"UID:x\nDTSTART;TZID={zone}:20260713T060000")
    assert (faults, spans([made])) == ([], [f"{start}/{start}"])


OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def test_the_clocks_of_a_zone_of_ones_own_change_when_it_says(tmp_path: Path) -> None:
    series = "UID:x\nDTSTART;TZID=Ours:20261024T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"
    made, faults = read(tmp_path, series, before=OWN_ZONE)
    assert (faults, [span[8:16] for span in spans(made)]) == ([], ["24T00:30", "25T00:30", "26T01:30"])


def test_a_calendar_may_define_what_its_short_zone_names_mean(tmp_path: Path) -> None:
    start = "UID:x\nDTSTART;TZID=GMT:20260713T060000"
    assert spans(read(tmp_path, start)[0]) == ["2026-07-13T06:00:00Z/2026-07-13T06:00:00Z"]
    with_summer_time = OWN_ZONE.replace("TZID:Ours", "TZID:GMT").replace("+0100", "+0000").replace("+0200", "+0100")
    assert spans(read(tmp_path, start, before=with_summer_time)[0]) == ["2026-07-13T05:00:00Z/2026-07-13T05:00:00Z"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (OWN_ZONE.replace("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "RRULE:FREQ=YEARLY;INTERVAL=0"), "INTERVAL"),
        (OWN_ZONE.replace("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "RRULE:FREQ=SECONDLY"), "more often than daily"),
        (OWN_ZONE.replace("TZID:Ours", "TZID:Ours\nTZID:Theirs"), "must have one TZID"),
        (OWN_ZONE.replace("+0100", "01:00"), "not an offset from UTC"),
    ],
)
def test_a_zone_that_can_not_be_followed_costs_only_who_needs_it(tmp_path: Path, broken: str, words: str) -> None:
    made, faults = read(tmp_path, "UID:x\nDTSTART;TZID=Ours:20260713T060000", GOOD, before=broken)
    assert [one.change_id for one in made] == ["good"]
    assert ["the VTIMEZONE can't be read" in line for line in faults] == [True, False]
    assert words in faults[0]
    assert "time zone 'Ours' is unknown" in faults[1]


@pytest.mark.parametrize(
    "damage",
    [
        "ATTACH;ENCODING=BASE64;VALUE=BINARY:aGVs*=",
        'ATTENDEE;CN="a "quoted" name":mailto:x@example.invalid',
        "DESCRIPTION:Dial in\nRoom 5\n+44 20 7946 0000,,1234#\nPasscode: 1",
        "X-NOTE;LANGUAGE=\x01:bell\x07",
        "GEO:north;of:here",
        "PRIORITY:very",
        "SEQUENCE:first",
        "CREATED:yesterday",
        "LAST-MODIFIED;TZID=Nowhere:20260101T000000",
        "ORGANIZER;CN=:none",
        "BEGIN:VALARM\nTRIGGER:never\nDURATION:x\nDTSTART:x\nEND:VALARM",
        "BEGIN:VALARM\nTRIGGER:-PT5M",
        "EXDATE;TZID=Europe/London:20270101T220000",
        ":no name",
    ],
)
def test_damage_outside_identity_title_times_and_rules_costs_nothing(tmp_path: Path, damage: str) -> None:
    made, faults = read(tmp_path, f"UID:x\nDTSTART:20260106T220000Z\nDTEND:20260106T230000Z\n{damage}", GOOD)
    assert faults == []
    assert {one.change_id: (one.title, one.revision) for one in made} == {"x": ("Work", 1), "good": ("Work", 1)}


def test_a_fold_may_stand_inside_a_character(tmp_path: Path) -> None:
    body = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTART:20260106T220000Z\r\nX-HIGHWATER-OWNER:SUP-01\r\nSUMMARY:Über\r\nEND:VEVENT\r\n"
    )
    folded = body.encode().replace("Ü".encode(), b"\xc3\r\n \x9c")
    (made,), rejected = read_changes(write(tmp_path, "a.ics", folded))
    assert (rejected, made.title) == ([], "Über")


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ("END:VEVENT\nBEGIN:VEVENT", "another event begins before its END:VEVENT"),
        ("BEGIN:VEVENT\nX-HIGHWATER-OWNER", "END:VEVENT without its BEGIN:VEVENT"),
        ("SUMMARY:Work", "title is missing"),
    ],
)
def test_what_breaks_an_event_is_named_and_costs_no_neighbour(tmp_path: Path, cut: str, words: str) -> None:
    text = ics("UID:x\nDTSTART:20260106T220000Z", GOOD)
    broken = text.replace(cut.replace("\n", "\r\n"), cut.rpartition("\n")[2] if "END" in cut else "X-CUT:1", 1)
    made, rejected = read_changes(write(tmp_path, "a.ics", broken))
    assert [one.change_id for one in made] == ["good"]
    assert words in describe(rejected[0])


def test_a_broken_component_beside_the_events_is_named(tmp_path: Path) -> None:
    busy = "BEGIN:VFREEBUSY\nUID:fb\nFREEBUSY:20260623T070000Z/20260601T110000Z\nEND:VFREEBUSY\n"
    made, faults = read(tmp_path, GOOD, before=busy)
    assert len(made) == 1
    assert faults == ["component 1, uid fb: the VFREEBUSY can't be read: FREEBUSY holds a period that ends before it begins"]


def test_an_event_that_begins_on_a_date_may_end_at_a_time(tmp_path: Path) -> None:
    (made,), _ = read(tmp_path, "UID:x\nDTSTART;VALUE=DATE:20260724\nDTEND:20260817T000000Z", timezone="Europe/London")
    assert spans([made]) == ["2026-07-23T23:00:00Z/2026-08-17T00:00:00Z"]


def test_of_two_masters_of_one_series_the_newer_counts(tmp_path: Path) -> None:
    newer = "UID:night\nSEQUENCE:2\nDTSTART:20260105T033000Z\nDTEND:20260105T050000Z\nRRULE:FREQ=DAILY;COUNT=2"
    older = "UID:night\nDTSTART:20260105T013000Z\nDTEND:20260105T030000Z\nRRULE:FREQ=DAILY;COUNT=4"
    for events in ((older, newer), (newer, older)):
        made, faults = read(tmp_path, *events)
        assert (faults, [span[8:16] for span in spans(made)]) == ([], ["05T03:30", "06T03:30"])


def test_a_time_whose_own_event_is_broken_is_not_taken_from_its_series(tmp_path: Path) -> None:
    moved = f"UID:night\nRECURRENCE-ID;{LONDON}:20261025T013000\nDTSTART;TZID=Nowhere:20261025T053000"
    made, faults = read(tmp_path, nightly("20261024", "20261026"), moved)
    assert [span[8:13] for span in spans(made)] == ["24T00", "26T01"]
    assert len(faults) == 1


def test_a_calendar_that_takes_its_events_back_cancels_them(tmp_path: Path) -> None:
    (made,), faults = read(tmp_path, "UID:a\nDTSTART:20260105T220000Z\nDTEND:20260105T230000Z", before="METHOD:CANCEL\n")
    assert faults == []
    assert made.status == "cancelled"


WEEKLY = "UID:w\nDTSTAMP:20260101T090000Z\nDTSTART:20260105T220000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3"
TAKEN_BACK = "UID:w\nDTSTAMP:20260102T090000Z\nDTSTART:20260105T220000Z\nDURATION:PT1H\nSEQUENCE:1"


def test_a_series_is_taken_back_whole_without_its_rule(tmp_path: Path) -> None:
    declared, _ = read(tmp_path, WEEKLY)
    cancelled, faults = read(tmp_path, TAKEN_BACK, before="METHOD:CANCEL\n")
    assert faults == []
    for both in (declared + cancelled, cancelled + declared):
        assert [(one.change_id, one.status) for one in merge(both).changes] == [("w", "cancelled")]
    assert [one.status for one in withdrawn(declared, cancelled, {})] == ["cancelled"] * 3
    assert all(is_superseded(one, series_ranks(cancelled)) for one in declared)


def test_one_time_of_a_series_is_taken_back_alone(tmp_path: Path) -> None:
    declared, _ = read(tmp_path, WEEKLY)
    one_time = TAKEN_BACK.replace("20260105T22", "20260112T22") + "\nRECURRENCE-ID:20260112T220000Z"
    cancelled, faults = read(tmp_path, one_time, before="METHOD:CANCEL\n")
    assert faults == []
    for both in (declared + cancelled, cancelled + declared):
        assert [one.status for one in merge(both).changes] == ["declared", "cancelled", "declared"]
    assert withdrawn(declared, cancelled, series_ranks(declared)) == []
    assert not is_superseded(cancelled[0], series_ranks(declared))
    whole, _ = read(tmp_path, TAKEN_BACK.replace("DTSTAMP:20260102", "DTSTAMP:20260103"), before="METHOD:CANCEL\n")
    moved, _ = read(tmp_path, one_time.replace("T22", "T23", 1))
    assert [one.change_id for one in merge(declared + moved + whole).changes] == ["w"]
