"""What Users suffer from other Users' incidents, by kind and User."""

from correlation.alerts.grouping import AlertGroup, AlertGroups
from correlation.grading.affected_users import suffering
from correlation.incidents.incidents import Incidents
from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CorrelationParameters
from tests.correlation.builders import MORNING_US, series
from tests.correlation.past import episode

PARAMETERS = CorrelationParameters()


def test_who_suffers_from_two_incidents_has_the_services_of_both() -> None:
    victim = episode("drop", "SUP-09", series=(series("SUP-09", service="4.8.1"),), onset_us=MORNING_US)
    incidents, ledger = Incidents(PARAMETERS), AlertGroups(PARAMETERS)
    for user, service in (("SUP-01", "2.2"), ("SUP-02", "8.1.1")):
        storm = episode("storm", user, series=(series(user, service=service),), onset_us=MORNING_US)
        members = {storm.alert_id: storm, victim.alert_id: victim}
        incidents.events[f"I-{user}"] = OpenIncident(f"I-{user}", MORNING_US, members, user, {"SUP-09"})
    key = ("drop", "SUP-09", "")
    ledger.groups[key] = AlertGroup(key, victim.alert_id, MORNING_US, MORNING_US, MORNING_US, MORNING_US)
    assert suffering(incidents, ledger) == {("drop", "SUP-09"): {"2.2", "4.8.1", "8.1.1"}}
