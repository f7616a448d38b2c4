import itertools
from dataclasses import replace

from correlation.alerts.assignment import OWN_SIDE, GroupAssignment
from correlation.alerts.finding_rows import finding_rows
from correlation.alerts.grouping import AlertGroups
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.columns import ALERT_KINDS
from models.state_bytes import unpack
from models.times import MINUTE_US, instant
from streams.kafka.exchange.stage_records import STAGE_VERSION, KeyEncoder, pack_findings, unpack_findings
from tests.correlation.builders import MORNING_US, Trouble, World, change, queue, run, series

ONE = series("SUP-01", service="4.8.1")
TWO = series("SUP-01", service="4.6.1")
OTHER = series("SUP-02")
PARAMETERS = CorrelationParameters()


def last_episode(kind: str, *troubles: Trouble) -> AlertSnapshot:
    """What the ledger knows of SUP-01's alert of that kind after twenty minutes."""
    ledger, world, key = AlertGroups(PARAMETERS), World((ONE, TWO), troubles), (kind, "SUP-01", "")
    for minute in range(20):
        at_us = MORNING_US + minute * MINUTE_US
        ledger.apply(at_us, finding_rows([world.window(minute)]), lambda finding: (finding.kind, finding.key.user, ""))
        if key in ledger.groups:
            result = ledger.episode(ledger.groups[key], at_us)
    return result


def test_the_worst_of_an_alert_is_held_against_what_was_due_in_that_very_window():
    large, small = Trouble("storm", ONE, 5, 10, observed=1500, expected=1000), Trouble("storm", TWO, 5, 12, observed=30, expected=20)
    storm = last_episode("storm", large, small)
    assert (storm.expected, storm.peak, storm.usual_at_peak) == (20, 1530, 1020)


def test_a_drop_is_worst_where_most_is_missing_not_where_least_is_due():
    large, small = Trouble("drop", ONE, 5, 10, observed=400, expected=1000), Trouble("drop", TWO, 5, observed=5, expected=20)
    drop = last_episode("drop", large, small)
    assert (drop.peak, drop.usual_at_peak) == (405, 1020)


def test_an_alert_whose_lingering_finding_becomes_part_of_another_one_lingers_no_more():
    ledger, world = AlertGroups(PARAMETERS), World((ONE,), (Trouble("silence", ONE, 1),))
    own, regional = ("silence", "SUP-01", ""), ("silence", "", "north")
    for minute in range(8):
        at_us = MORNING_US + minute * MINUTE_US
        ledger.apply(at_us, finding_rows([world.window(minute)]), lambda _, minute=minute: own if minute < 7 else regional)
        if minute == 5:
            ledger.close(ledger.groups[own], at_us, at_us)
            assert ledger.groups[own].closed
    assert not ledger.groups[own].closed, "or its incident would open it again though nothing of it is left"


def test_findings_of_many_series_are_one_alert_of_the_user_with_what_they_share():
    records = run(World((ONE, TWO, OTHER), (Trouble("silence", ONE, 5), Trouble("silence", TWO, 6))), range(12))
    alert = records.one("silence", "SUP-01")
    assert alert.series.direction == "to_user"
    assert alert.series.region == "north"
    assert alert.series.service is None
    assert alert.expected == 200
    assert {a.user for a in records.last().values()} == {"SUP-01"}


def test_an_alert_is_named_after_its_first_window_and_series_whatever_comes_later():
    short = run(World((ONE, TWO), (Trouble("silence", ONE, 5),)), range(8)).one("silence", "SUP-01")
    long = run(World((ONE, TWO), (Trouble("silence", ONE, 5), Trouble("silence", TWO, 7))), range(30)).one("silence", "SUP-01")
    assert short.alert_id == long.alert_id


def test_two_kinds_at_one_user_are_two_alerts_of_one_incident():
    jam = queue("SUP-01")
    records = run(World((ONE, jam), (Trouble("silence", ONE, 5), Trouble("backlog", jam, 6, grows=100))), range(15))
    assert {alert.kind for alert in records.last().values()} == {"silence", "backlog"}
    (incident,) = records.events()
    assert set(incident.alert_ids) == set(records.last())
    assert incident.kinds == ("backlog", "silence")


def test_an_alert_ends_when_its_last_series_is_normal_again():
    records = run(World((ONE, TWO), (Trouble("silence", ONE, 5, 10), Trouble("silence", TWO, 5, 14))), range(20))
    alert = records.one("silence", "SUP-01")
    assert alert.status == "resolved"
    assert f"{alert.resolved_at:%H:%M}" == "09:14"
    assert records.events()[0].status == "resolved"


def test_an_alert_that_comes_back_within_minutes_is_the_same_alert_with_its_flaps_counted():
    troubles = tuple(Trouble("storm", ONE, start, start + 3, observed=900) for start in (5, 12, 19, 26))
    records = run(World((ONE,), troubles), range(60))
    alert = records.one("storm", "SUP-01")
    assert alert.evidence.flaps == 3
    assert len(records.last()) == 1
    assert len(records.events()) == 1


def test_the_more_often_it_comes_back_the_longer_it_must_stay_away():
    troubles = tuple(Trouble("storm", ONE, start, start + 2, observed=900) for start in range(5, 100, 5))
    records = run(World((ONE,), troubles), range(140))
    assert len(records.all_of("storm", "SUP-01")) < 12
    assert records.one("storm", "SUP-01").status == "resolved"


def test_an_alert_that_comes_back_later_is_another_alert_of_the_incident_that_reopens():
    records = run(World((ONE,), (Trouble("storm", ONE, 5, 15, observed=900), Trouble("storm", ONE, 45, 60, observed=900))), range(70))
    assert len(records.last()) == 2
    (incident,) = records.events()
    assert [revision.status for revision in records.incidents if revision.status != "updated"] == ["open", "resolved", "open", "resolved"]
    assert len(incident.alert_ids) == 2


def test_after_more_than_an_hour_it_is_another_incident():
    records = run(World((ONE,), (Trouble("storm", ONE, 5, 15, observed=900), Trouble("storm", ONE, 100, 110, observed=900))), range(115))
    assert len(records.events()) == 2


def test_a_silent_series_that_also_dropped_is_said_once():
    records = run(World((ONE,), (Trouble("silence", ONE, 5, 30), Trouble("drop", ONE, 5, 40))), range(45))
    assert {alert.kind for alert in records.last().values()} == {"silence"}


def test_the_surge_after_a_block_is_recovery_and_no_storm():
    jam = queue("SUP-01")
    troubles = (
        Trouble("silence", ONE, 5, 60),
        Trouble("backlog", jam, 6, 75, grows=100),
        Trouble("storm", ONE, 60, 74, observed=600),
    )
    records = run(World((ONE, jam), troubles), range(90))
    assert {alert.kind for alert in records.last().values()} == {"silence", "backlog"}


def test_a_storm_that_fills_the_queue_is_a_storm():
    jam = queue("SUP-01")
    troubles = (Trouble("storm", ONE, 5, observed=900), Trouble("backlog", jam, 5, grows=100, evidence={"growth_per_s": 2.0}))
    records = run(World((ONE, jam), troubles), range(20))
    assert {alert.kind for alert in records.last().values()} == {"storm", "backlog"}


def test_a_surge_long_after_the_block_is_a_storm():
    records = run(World((ONE,), (Trouble("silence", ONE, 5, 8), Trouble("storm", ONE, 40, observed=900))), range(50))
    assert {alert.kind for alert in records.last().values()} == {"silence", "storm"}


def test_revisions_come_only_with_news():
    records = run(World((ONE,), (Trouble("storm", ONE, 5, observed=900),)), range(200))
    assert len(records.all_of("storm", "SUP-01")) <= 3
    assert [alert.revision for alert in records.alerts] == list(range(1, len(records.alerts) + 1))


def test_a_depth_that_doubles_is_news():
    jam = queue("SUP-01")
    records = run(World((jam,), (Trouble("backlog", jam, 5, grows=1000),)), range(70))
    depths = [alert.evidence.depth for alert in records.all_of("backlog", "SUP-01") if alert.evidence.depth]
    assert depths[-1] >= 32_000
    assert all(later > earlier for earlier, later in itertools.pairwise(depths))


def test_at_most_one_revision_of_an_alert_comes_in_a_window():
    records = run(World((ONE, TWO), (Trouble("storm", ONE, 5, observed=900, grows=50), Trouble("storm", TWO, 6, observed=900))), range(60))
    stamps = [(alert.alert_id, alert.as_of) for alert in records.alerts]
    assert len(stamps) == len(set(stamps))


def test_how_long_a_flap_may_last_is_a_parameter():
    troubles = (Trouble("storm", ONE, 5, 10, observed=900), Trouble("storm", ONE, 13, observed=900))
    records = run(World((ONE,), troubles), range(20), parameters=CorrelationParameters(flap_s=0))
    assert len(records.last()) == 2


def test_a_short_false_start_does_not_move_the_onset_of_what_comes_later():
    start, real = Trouble("drop", ONE, 2, 4, observed=20, expected=1000), Trouble("drop", ONE, 12, observed=300, expected=1000)
    drop = last_episode("drop", start, real)
    assert drop.onset_us == last_episode("drop", real).onset_us
    assert drop.peak == 300


def test_what_comes_back_soon_after_it_lasted_long_began_when_it_first_did():
    long, again = Trouble("drop", ONE, 2, 12, observed=20, expected=1000), Trouble("drop", ONE, 14, observed=300, expected=1000)
    assert last_episode("drop", long, again).onset_us == last_episode("drop", long).onset_us


def test_an_alert_knows_that_people_refused_a_part_of_it_as_a_habit_through_topic_and_state():
    ledger, world = (
        AlertGroups(PARAMETERS),
        World((ONE, TWO), (Trouble("storm", ONE, 1, observed=900), Trouble("storm", TWO, 1, observed=900))),
    )
    window = world.window(2)
    index = window.traffic_keys.index(ONE)
    storms = replace(window.traffic, refused=frozenset({(ALERT_KINDS.index("storm"), index)}))
    sent = unpack(pack_findings([replace(window, traffic=storms)], KeyEncoder()), STAGE_VERSION)["windows"][0]["traffic"]
    window = replace(window, traffic=unpack_findings(sent))
    ledger.apply(window.at_us, finding_rows([window]), lambda finding: (finding.kind, finding.key.user, ""))
    kept = AlertGroups.unpack(PARAMETERS, ledger.pack())
    assert [kept.episode(group, window.at_us).refused for group in kept.groups.values()] == [True]


def storm_of(minutes: int, lasts_until: int, *troubles: Trouble) -> AlertSnapshot:
    """SUP-01's storm, of which the traffic shows something until a minute."""
    ledger, world, key = AlertGroups(PARAMETERS), World((ONE,), troubles), ("storm", "SUP-01", "")
    for minute in range(minutes):
        at_us = MORNING_US + minute * MINUTE_US
        lasts = minute < lasts_until
        ledger.apply(at_us, finding_rows([world.window(minute)]), lambda _: key, lambda _, lasts=lasts: lasts)
    return ledger.episode(ledger.groups[key], MORNING_US + minutes * MINUTE_US)


def test_a_storm_that_its_traffic_still_shows_is_not_over_when_its_finding_ends():
    first, second = (Trouble("storm", ONE, start, end, observed=500, expected=100) for start, end in ((2, 6), (9, 30)))
    assert storm_of(8, 12, first).resolved_us is None
    assert storm_of(8, 12, first).open
    again = storm_of(12, 12, first, second)
    assert (again.open, again.flaps, again.onset_us) == (True, 0, MORNING_US + 2 * MINUTE_US)


def test_it_ends_once_its_traffic_is_back_and_within_the_time_in_which_it_may_return():
    storm = Trouble("storm", ONE, 2, 6, observed=500, expected=100)
    assert storm_of(20, 12, storm).ended_us == storm_of(20, 12, storm).resolved_us == MORNING_US + 12 * MINUTE_US
    assert storm_of(60, 60, storm).resolved_us == MORNING_US + (6 + PARAMETERS.flap_s // 60 + 1) * MINUTE_US


def unseen(since: int, until: int, observed: float) -> Trouble:
    """Traffic of ONE that no detector sees."""
    return Trouble("storm", ONE, since, until, seen_after=1000, observed=observed)


def test_a_storm_that_came_back_once_is_not_over_while_its_detector_lets_go_of_it():
    first, lost, rest = (Trouble("storm", ONE, since, until, observed=1500) for since, until in ((2, 6), (8, 14), (19, 45)))
    records = run(World((ONE,), (first, lost, unseen(13, 45, 1500), rest)), range(50))
    storm = records.all_of("storm", "SUP-01")
    assert len(records.last()) == 1
    assert storm[-1].evidence.flaps == 1
    during = [one for one in storm if 8 < (one.as_of - instant(MORNING_US)).total_seconds() / 60 < 45]
    assert during
    assert not [one.summary for one in during if one.ended_at is not None]
    assert f"{storm[-1].ended_at:%H:%M}" == "09:44"


def test_state_in_which_an_open_storm_kept_the_end_of_its_last_pause_is_mended():
    ledger, world = AlertGroups(PARAMETERS), World((ONE,), (Trouble("storm", ONE, 2, observed=500),))
    ledger.apply(MORNING_US + 3 * MINUTE_US, finding_rows([world.window(3)]), lambda _: ("storm", "SUP-01", ""))
    (group,) = ledger.groups.values()
    group.over_us = MORNING_US
    (again,) = AlertGroups.unpack(PARAMETERS, ledger.pack()).groups.values()
    assert again.over_us is None


def test_one_empty_window_of_another_series_takes_no_alert_out_of_its_declared_effect():
    """The DCC takes one service down as declared; a small series of the same User has an empty window by chance, or falls silent too."""
    down = Trouble("silence", ONE, 2)
    work = change("CHG-1", "DCC", 2, 58, source="dcc", category="planned_maintenance", services=["4.8.1"], expected={"effect": "silent"})
    by_chance = run(World((ONE, TWO, OTHER), (down, Trouble("silence", TWO, 20, 22))), range(30), work)
    assert {alert.severity for alert in by_chance.alerts} == {"info"}
    as_well = run(World((ONE, TWO, OTHER), (down, Trouble("silence", TWO, 20))), range(30), work)
    first = next(alert for alert in as_well.alerts if alert.severity != "info")
    assert first.as_of == instant(MORNING_US + 22 * MINUTE_US), "in its second window it is no chance"


def test_an_alert_that_is_over_is_sure_of_what_ended_last():
    assert last_episode("silence", Trouble("silence", ONE, 2, 12), Trouble("silence", TWO, 5, 7)).sure == (ONE,)


def test_what_is_a_users_own_has_an_alert_beside_the_one_about_what_it_suffers() -> None:
    """Requests that are refused for their own faults, and services that it does not ask for, though those are not in trouble elsewhere."""
    request, answer = series("SUP-01", "to_dsp", "service_request", "2.2"), series("SUP-01", service="8.1.1")
    troubles = (
        Trouble("failures", request, 5, codes={"E11": 50}),
        Trouble("failures", answer, 5, codes={"E20": 50}),
        Trouble("silence", request, 5),
        Trouble("silence", answer._replace(direction="to_dsp"), 5),
    )
    rows = finding_rows([World((request, answer, answer._replace(direction="to_dsp")), troubles).window(6)])
    suffering = {(kind, "SUP-01"): {"8.1.1"} for kind in ("failures", "silence")}
    placing = GroupAssignment(MORNING_US, rows, AlertGroups(PARAMETERS), PARAMETERS, frozenset(), suffering)
    placed = {(row.kind, row.key.service): placing.group_for(row) for row in rows if row.key.service == "2.2" or row.kind == "failures"}
    assert placed[("failures", "2.2")] == ("failures", "SUP-01", OWN_SIDE)
    assert placed[("failures", "8.1.1")] == ("failures", "SUP-01", "")
    assert placed[("silence", "2.2")] == ("silence", "SUP-01", OWN_SIDE)
    nobody = GroupAssignment(MORNING_US, rows, AlertGroups(PARAMETERS), PARAMETERS, frozenset(), {})
    assert {nobody.group_for(row) for row in rows} == {("failures", "SUP-01", ""), ("silence", "SUP-01", "")}


def test_findings_that_linger_do_not_show_when_a_later_alert_began() -> None:
    ledger, key = AlertGroups(PARAMETERS), ("failures", "SUP-01", "")
    world = World((ONE, TWO), (Trouble("failures", ONE, 5, observed=50), Trouble("failures", TWO, 110, observed=50)))
    for minute in range(112):
        at_us = MORNING_US + minute * MINUTE_US
        ledger.apply(at_us, finding_rows([world.window(minute)]), lambda finding: (finding.kind, finding.key.user, ""))
        if minute == 30:
            ledger.close(ledger.groups[key], at_us, at_us)
    assert ledger.groups[key].onset_us == MORNING_US + 110 * MINUTE_US
