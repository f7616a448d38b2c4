"""What happens to a region or to everybody at once is one alert."""

from tests.correlation.builders import Trouble, World, run, series

USERS = tuple(f"SUP-{number:02}" for number in range(1, 7))
NORTH = {user: series(user, of="device_alert", service="8F36", region="north") for user in USERS}
SOUTH = {user: series(user, of="device_alert", service="8F36", region="south") for user in USERS}
ANSWERS = {user: series(user, service="8.1.1", region="south") for user in USERS}
KEYS = (*NORTH.values(), *SOUTH.values(), *ANSWERS.values())


def test_device_alerts_of_a_region_rising_together_are_one_alert_of_that_region():
    records = run(World(KEYS, tuple(Trouble("storm", NORTH[user], 5, 30, observed=900) for user in USERS)), range(50))
    (alert,) = records.last().values()
    assert (alert.kind, alert.user, alert.series.region) == ("storm", None, "north")
    assert (alert.severity, alert.status) == ("info", "resolved")
    assert "weather" in alert.summary
    assert records.events()[0].origin_user is None


def test_it_is_known_for_weather_in_its_first_window_though_only_one_user_shows_a_finding():
    first = Trouble("storm", NORTH["SUP-01"], 5, observed=900)
    others = {NORTH[user]: 400.0 for user in USERS[1:]}
    records = run(World(KEYS, (first,), carried=others), range(12))
    assert [alert.user for alert in records.alerts] == [None] * len(records.alerts)


def test_one_users_device_alerts_alone_are_that_users_storm():
    own = series("SUP-01", of="device_alert", service="810D")
    records = run(World((*KEYS, own), (Trouble("storm", own, 5, observed=300),)), range(20))
    assert records.one("storm", "SUP-01").severity == "warning"


def test_two_regions_are_two_alerts():
    troubles = tuple(Trouble("storm", key, 5, observed=900) for region in (NORTH, SOUTH) for key in region.values())
    records = run(World(KEYS, troubles), range(20))
    assert sorted(alert.series.region or "" for alert in records.last().values()) == ["north", "south"]


def test_each_user_reads_of_its_own_part_of_the_weather():
    records = run(World(KEYS, tuple(Trouble("storm", NORTH[user], 5, 30, observed=900) for user in USERS)), range(50))
    for user in USERS:
        copies = records.copies(user)
        assert {copy.user for copy in copies} == {user}
        assert {copy.severity for copy in copies} == {"info"}


def test_a_users_own_storm_in_bad_weather_is_still_its_own():
    own = Trouble("storm", series("SUP-01", "to_dsp", "service_request", "8.1.1"), 7, observed=4000)
    weather = tuple(Trouble("storm", NORTH[user], 5, observed=900) for user in USERS)
    records = run(World((*KEYS, own.key), (own, *weather)), range(20))
    assert records.one("storm", "SUP-01").series.message_class == "service_request"
    assert records.one("storm", None).series.message_class == "device_alert"


def test_missing_reports_of_one_user_are_one_stale_alert():
    troubles = tuple(Trouble("stale", part["SUP-01"], 5, seen_after=3) for part in (NORTH, SOUTH, ANSWERS))
    records = run(World(KEYS, troubles, missing=frozenset(trouble.key for trouble in troubles)), range(20))
    (alert,) = records.last().values()
    assert (alert.kind, alert.user) == ("stale", "SUP-01")
    assert "Their traffic is unknown." in alert.summary


def test_missing_reports_of_one_region_are_one_stale_alert():
    troubles = tuple(Trouble("stale", NORTH[user], 5, seen_after=3) for user in USERS)
    records = run(World(KEYS, troubles, missing=frozenset(NORTH.values())), range(20))
    (alert,) = records.last().values()
    assert (alert.kind, alert.user, alert.series.region) == ("stale", None, "north")


def test_missing_reports_of_everybody_are_one_stale_alert():
    troubles = tuple(Trouble("stale", key, 5, seen_after=3) for key in KEYS)
    records = run(World(KEYS, troubles, missing=frozenset(KEYS)), range(20))
    (alert,) = records.last().values()
    assert (alert.kind, alert.user, alert.series.region) == ("stale", None, None)
    assert (alert.severity, alert.category) == ("critical", 1)
    assert "feed to this monitor" in alert.next_step


def test_a_gap_in_the_reports_is_no_part_of_another_incident():
    troubles = (Trouble("stale", NORTH["SUP-01"], 5, seen_after=3), Trouble("silence", ANSWERS["SUP-01"], 5))
    records = run(World(KEYS, troubles, missing=frozenset({NORTH["SUP-01"]})), range(20))
    assert len(records.events()) == 2


def test_users_who_never_get_such_alerts_do_not_speak_against_weather():
    others = tuple(series(f"OTH-{number:02}", of="device_alert", service="810D", region="north") for number in range(1, 15))
    records = run(World((*KEYS, *others), tuple(Trouble("storm", NORTH[user], 5, observed=900) for user in USERS[:3])), range(20))
    (alert,) = records.last().values()
    assert (alert.user, alert.series.region) == (None, "north")
