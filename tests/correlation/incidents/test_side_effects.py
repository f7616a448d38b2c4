"""An alert of a User that suffers with another's incident: the desk was called by the incident, its User by its copy."""

from tests.correlation.builders import World, run
from tests.correlation.incidents.test_incidents import KEYS, USERS, slowed, storm


def test_who_suffers_is_warned_and_the_desk_is_called_once_by_the_incident():
    records = run(World(KEYS, (storm(), *(slowed(user) for user in USERS[1:]))), range(20))
    for user in USERS[1:]:
        assert records.one("drop", user).severity == "info"
        assert {copy.severity for copy in records.copies(user)} == {"warning"}
    (incident,) = records.events()
    assert incident.severity == "critical"


def test_a_side_effect_has_one_revision_when_it_begins_and_one_when_it_ends():
    records = run(World(KEYS, (storm(until=14), *(slowed(user, until=14) for user in USERS[1:]))), range(60))
    for user in USERS[1:]:
        own = [alert for alert in records.alerts if alert.kind == "drop" and alert.user == user]
        assert [alert.status for alert in own] == ["open", "resolved"]
