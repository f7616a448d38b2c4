from collections.abc import Sequence

import pytest

from correlation.history.traffic_history import History
from correlation.incidents.incidents import Incidents
from correlation.incidents.membership import MembershipRules
from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.state_tree import to_plain
from models.times import DAY_US
from tests.correlation.builders import Trouble, World, change, queue, run, series
from tests.correlation.past import episode

USERS = tuple(f"SUP-{number:02}" for number in range(1, 9))
REQUESTS = {user: series(user, "to_dsp", "service_request", "8.1.1") for user in USERS}
ANSWERS = {user: series(user, "to_user", "service_response", "8.1.1") for user in USERS}
READS = {user: series(user, "to_user", "service_response", "4.8.1", "south") for user in USERS}
KEYS = (*REQUESTS.values(), *ANSWERS.values(), *READS.values(), queue("SUP-01"))


def storm(user: str = "SUP-01", since: int = 5, until: int | None = None) -> Trouble:
    return Trouble("storm", REQUESTS[user], since, until, observed=4000)


def slowed(user: str, since: int = 7, until: int | None = None) -> Trouble:
    return Trouble("drop", ANSWERS[user], since, until, seen_after=3, observed=40)


def test_one_users_storm_and_the_others_loss_are_one_incident():
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20))
    (incident,) = records.events()
    assert incident.origin_user == "SUP-01"
    assert incident.affected_users == USERS[1:]
    assert incident.kinds == ("drop", "storm")
    assert incident.category == 1
    assert "install_and_commission" in incident.processes


def test_a_user_that_suffers_gets_its_own_alert_on_its_own_series():
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20))
    for user in USERS[1:]:
        alert = records.one("drop", user)
        assert alert.series.user == user
        assert alert.incident_id == records.one("storm", "SUP-01").incident_id


def test_where_it_began_names_whom_it_hurts():
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20))
    alert = records.one("storm", "SUP-01")
    assert alert.affected_users == USERS[1:]
    assert alert.severity == "critical"


def test_a_blocked_user_and_the_slowdown_of_the_others_are_one_incident():
    blocked = (Trouble("silence", ANSWERS["SUP-01"], 5), Trouble("backlog", queue("SUP-01"), 6, grows=2000))
    records = run(World(KEYS, (*blocked, *(slowed(user, 40) for user in USERS[1:]))), range(60))
    (incident,) = records.events()
    assert incident.origin_user == "SUP-01"
    assert incident.affected_users == USERS[1:]


def test_unrelated_troubles_at_the_same_time_stay_two():
    troubles = (
        Trouble("silence", ANSWERS["SUP-01"], 5),
        Trouble("backlog", queue("SUP-01"), 6, grows=100),
        Trouble("silence", READS["SUP-05"], 6),
    )
    records = run(World(KEYS, troubles), range(20))
    assert sorted(incident.origin_user or "" for incident in records.events()) == ["SUP-01", "SUP-05"]
    assert all(not incident.affected_users for incident in records.events())


def test_a_drop_that_only_one_user_has_is_no_spill_over():
    records = run(World(KEYS, (storm(), slowed("SUP-05"))), range(20))
    assert len(records.events()) == 2


def test_a_region_that_fails_for_everyone_begins_at_nobody():
    records = run(World(KEYS, tuple(slowed(user, 5) for user in USERS)), range(20))
    (incident,) = records.events()
    assert incident.origin_user is None
    assert incident.affected_users == USERS
    assert incident.summary.startswith("Region north: drop in traffic at 8 Users since 09:05 UTC.")
    assert all("SUP-" not in entry.text for entry in incident.timeline if "begins (estimated)" in entry.text)
    assert "DCC" in records.one("drop", "SUP-02").next_step


def test_what_was_seen_before_its_cause_joins_it_and_the_older_incident_keeps_its_id():
    early = Trouble("drop", ANSWERS["SUP-03"], 6, seen_after=1, observed=40)
    late = Trouble("storm", REQUESTS["SUP-01"], 5, seen_after=6, observed=4000)
    records = run(World(KEYS, (early, late, *(slowed(user) for user in USERS[3:]))), range(25))
    (incident,) = records.events()
    assert incident.origin_user == "SUP-01"
    assert incident.incident_id[2:] == records.one("drop", "SUP-03").alert_id[2:]


def test_incidents_that_turn_out_to_be_one_say_so():
    troubles = tuple(Trouble("drop", ANSWERS[user], 5, seen_after=2 + number, observed=40) for number, user in enumerate(USERS[:3]))
    records = run(World((*ANSWERS.values(),), troubles), range(20))
    merged = [incident for incident in records.incidents if incident.summary.startswith("Merged into")]
    (incident,) = records.events()
    assert all(one.status == "resolved" and incident.incident_id in one.summary for one in merged)
    assert len(incident.alert_ids) == 3


def test_a_late_piece_joins():
    blocked = (Trouble("silence", ANSWERS["SUP-01"], 5), Trouble("backlog", queue("SUP-01"), 90, grows=2000))
    records = run(World(KEYS, blocked), range(100))
    (incident,) = records.events()
    assert incident.kinds == ("backlog", "silence")


def test_a_storm_hours_after_a_lasting_drop_is_another_event():
    troubles = (Trouble("drop", READS["SUP-01"], 5, observed=40), Trouble("storm", REQUESTS["SUP-01"], 480, observed=4000))
    records = run(World(KEYS, troubles), range(490))
    assert len(records.events()) == 2


def test_the_timeline_tells_the_story_in_order():
    records = run(
        World(KEYS, (storm(until=30), *(slowed(user, until=32) for user in USERS[1:]))),
        range(45),
        change("CHG-1", "SUP-01", 0, 60, category="meter_data_management"),
    )
    (incident,) = records.events()
    stamps = [entry.at for entry in incident.timeline]
    reported_in_order = " ".join(entry.text for entry in incident.timeline)
    assert stamps == sorted(stamps)
    assert reported_in_order.index("Change begins: CHG-1") < reported_in_order.index("4,0") < reported_in_order.index("suffer")
    assert "Over. The trouble ended at 09:31 UTC." in reported_in_order


def test_an_incident_names_the_change_and_says_when_it_was():
    records = run(
        World(KEYS, (storm(),)), range(20), change("CHG-1", "SUP-01", 0, 60, category="meter_data_management", contact="Duty desk")
    )
    alert = records.one("storm", "SUP-01")
    assert alert.suspects[0].change_id == "CHG-1"
    assert alert.suspects[0].verdict == "probable"
    assert alert.contact == "Duty desk"
    assert "CHG-1 of SUP-01 (Title of CHG-1)" in alert.summary
    assert "CHG-1" in alert.next_step


def test_a_disaster_recovery_test_of_that_day_is_said_to_be_at_risk():
    test = change("CHG-9", "DCC", 300, 420, category="bcdr_test")
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20), test)
    (threatened,) = records.one("storm", "SUP-01").threatened_changes
    assert threatened.change_id == "CHG-9"
    assert "disaster recovery test of DCC starts at 14:00 UTC" in threatened.why
    assert "7 other Users are affected" in threatened.why


def test_a_conflict_that_the_calendar_showed_is_on_the_incident_from_its_first_revision():
    changes = change("CHG-1", "SUP-01", 4, 60), change("CHG-9", "DCC", 300, 420, category="bcdr_test", disruption="risk")
    records = run(World(KEYS, (storm(),)), range(12), *changes)
    first = records.incidents[0]
    assert first.revision == 1
    assert not first.affected_users
    assert first.suspects[0].change_id == "CHG-1"
    (threatened,) = first.threatened_changes
    assert threatened.change_id == "CHG-9"
    assert threatened.why.endswith("The calendar showed this conflict with CHG-1 before.")


def test_a_test_of_another_day_is_not_at_risk():
    test = change("CHG-9", "DCC", 2000, 2100, category="bcdr_test")
    records = run(World(KEYS, (storm(),)), range(20), test)
    assert not records.one("storm", "SUP-01").threatened_changes


@pytest.mark.parametrize("scope", [{"users": ["SUP-07"]}, {"regions": ["elsewhere"]}])
def test_another_users_change_that_has_nothing_to_do_with_it_is_not_at_risk(scope):
    records = run(World(KEYS, (storm(),)), range(20), change("CHG-9", "DCC", 300, 420, category="release", **scope))
    assert not records.one("storm", "SUP-01").threatened_changes


@pytest.mark.parametrize(("starts", "listed"), [(30, True), (300, False)])
def test_another_change_where_the_trouble_is_is_at_risk_only_if_it_starts_before_that_may_be_over(starts, listed):
    own = change("CHG-9", "SUP-01", starts, starts + 60, category="release")
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20), own)
    assert [one.change_id for one in records.one("storm", "SUP-01").threatened_changes] == (["CHG-9"] if listed else [])


def test_a_storm_at_a_user_that_suffers_from_another_is_an_incident_of_its_own():
    blocked = (Trouble("silence", ANSWERS["SUP-01"], 5), Trouble("backlog", queue("SUP-01"), 6, grows=2000))
    slow = tuple(slowed(user, 40) for user in USERS[1:])
    own = (storm("SUP-02", since=50), Trouble("failures", REQUESTS["SUP-02"], 50, observed=3900, seen_after=1))
    records = run(World(KEYS, (*blocked, *slow, *own)), range(70))
    first, second = sorted(records.events(), key=lambda incident: incident.opened_at)
    assert (first.origin_user, second.origin_user) == ("SUP-01", "SUP-02")
    assert second.kinds == ("failures", "storm")
    assert records.one("drop", "SUP-02").incident_id == first.incident_id


def test_what_a_storm_did_to_its_own_sender_goes_with_the_storm_even_if_seen_before():
    blocked = (Trouble("silence", ANSWERS["SUP-01"], 5), Trouble("backlog", queue("SUP-01"), 6, grows=2000))
    slow = tuple(slowed(user, 40) for user in USERS[1:])
    late = Trouble("storm", REQUESTS["SUP-02"], 50, observed=4000, seen_after=3)
    own = (Trouble("failures", READS["SUP-02"], 50, observed=90, seen_after=1), late)
    records = run(World(KEYS, (*blocked, *slow, *own)), range(70))
    assert records.one("failures", "SUP-02").incident_id == records.one("storm", "SUP-02").incident_id
    assert records.one("storm", "SUP-02").incident_id != records.one("silence", "SUP-01").incident_id


def test_whoever_was_measured_to_suffer_is_affected_before_an_alert_of_its_own():
    heavy = {ANSWERS[user]: 40.0 for user in USERS[1:]}
    records = run(World(KEYS, (storm(), slowed("SUP-02", since=5)), carried=heavy), range(20))
    assert records.events()[0].affected_users == USERS[1:]


@pytest.mark.parametrize(("region", "origin"), [("north", "SUP-01"), ("south", "SUP-05")])
def test_of_two_incidents_that_began_at_once_a_piece_joins_the_one_of_its_region(region, origin):
    piece = series("SUP-07", service="2.2", region=region)
    silent = (Trouble("silence", ANSWERS["SUP-01"], 5), Trouble("silence", READS["SUP-05"], 5))
    records = run(World((*KEYS, piece), (*silent, Trouble("drop", piece, 12, seen_after=3, observed=40))), range(20))
    assert records.one("drop", "SUP-07").incident_id == records.one("silence", origin).incident_id


@pytest.mark.parametrize(("owner", "suffering"), [("SUP-01", USERS[1:]), ("DCC", ("SUP-02",))])
def test_a_users_change_that_names_others_does_not_make_their_suffering_expected(owner, suffering):
    heavy = {ANSWERS[user]: 40.0 for user in USERS[1:]}
    launch = change("CHG-1", owner, 0, 60, users=USERS, expected={"effect": "up", "factor": 50})
    world = World(KEYS, (storm(), slowed("SUP-02", since=5)), carried=heavy)
    assert run(world, range(20), launch).one("storm", "SUP-01").affected_users == suffering


def test_an_incident_names_earlier_ones_of_its_sort_and_what_ended_them():
    first = change("CHG-1", "SUP-01", 0, 16, category="meter_data_management")
    second = change("CHG-2", "SUP-01", 200, 260, category="meter_data_management")
    records = run(World(KEYS, (storm(since=5, until=18), storm(since=205))), range(215), first, second)
    earlier, later = sorted(records.events(), key=lambda incident: incident.opened_at)
    (like,) = later.similar
    assert like.incident_id == earlier.incident_id
    assert like.change_id == "CHG-1"
    assert like.likeness == 1
    assert like.ended == "It ended after 12 min, 60 s after the end of CHG-1."
    assert not earlier.similar


def test_a_region_that_is_lost_is_one_incident_however_many_users_elsewhere_are_well():
    well = tuple(series(f"ELS-{number:02}", "to_user", "service_response", "4.8.1", "north") for number in range(1, 25))
    lost = tuple(Trouble("drop", READS[user], 5, observed=2, seen_after=index % 3) for index, user in enumerate(USERS[:4]))
    records = run(World((*READS.values(), *well), lost), range(20))
    (incident,) = records.events()
    assert incident.origin_user is None
    assert incident.affected_users == USERS[:4]
    assert incident.summary.startswith("Region south: drop in traffic at 4 Users since 09:05 UTC.")


def test_a_small_storm_is_not_what_a_whole_regions_loss_began_with():
    lost = tuple(Trouble("drop", READS[user], 5, observed=2) for user in USERS[:4])
    retries = Trouble("storm", REQUESTS["SUP-02"], 5, seen_after=40, observed=45, expected=20)
    records = run(World((*READS.values(), *REQUESTS.values()), (*lost, retries)), range(60))
    (incident,) = records.events()
    assert incident.origin_user is None


class RegionalFailures(MembershipRules):
    """Every failure proves to be its region's."""

    def is_regional(self, episode: AlertSnapshot) -> bool:
        return episode.kind == "failures"

    def belongs_elsewhere(self, episode: AlertSnapshot, own: Sequence[AlertSnapshot], origin_user: str | None) -> bool:
        return self.is_regional(episode)


def test_what_leaves_an_incident_for_one_regional_fault_becomes_one_incident_that_names_nobody():
    rules = RegionalFailures(History(), CorrelationParameters())
    failures = [episode("failures", f"SUP-{number}", region="north") for number in range(2, 5)]
    event = OpenIncident("I-storm-SUP-1", failures[0].detected_us, origin_user="SUP-1", affected={"SUP-2", "SUP-3", "SUP-4"})
    event.members = {one.alert_id: one for one in (episode("storm", "SUP-1"), *failures)}
    incidents = Incidents.unpack(CorrelationParameters(), to_plain([event]))
    incidents.release(failures[0].at_us, incidents.events["I-storm-SUP-1"], rules)
    left = [one for one in incidents.events.values() if one.incident_id != "I-storm-SUP-1"]
    assert [(one.origin_user, sorted(one.affected), len(one.members)) for one in left] == [(None, ["SUP-2", "SUP-3", "SUP-4"], 3)]
    assert incidents.events["I-storm-SUP-1"].affected == set()


def test_what_a_forgotten_incident_took_is_remembered_by_those_that_went_on_at_the_same_time():
    failures = [episode("failures", f"SUP-{number}", region="north") for number in range(2, 4)]
    over, going_on = OpenIncident("I-1", failures[0].detected_us, origin_user="SUP-1"), OpenIncident("I-2", failures[0].detected_us)
    over.members = {one.alert_id: one for one in (episode("storm", "SUP-1"), *failures)}
    over.affected, over.resolved_us, over.ended_us = {"SUP-2", "SUP-3"}, failures[0].at_us, failures[0].at_us
    blocked = episode("backlog", "SUP-9")
    going_on.members, going_on.origin_user = {blocked.alert_id: blocked}, "SUP-9"
    incidents = Incidents.unpack(CorrelationParameters(), to_plain([over, going_on]))
    later_us = failures[0].at_us + DAY_US
    incidents.apply(later_us, [], {blocked.alert_id: True}, MembershipRules(History(), CorrelationParameters()))
    assert set(incidents.events) == {"I-2"}
    (companion,) = incidents.events["I-2"].companions
    assert companion == over.as_companion(later_us)
    assert Incidents.unpack(CorrelationParameters(), incidents.pack()).events["I-2"].companions == [companion]
