from dataclasses import replace

import pytest

from correlation.incidents.incidents import Incidents
from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from tests.correlation.past import episode


class Elsewhere:
    """Rules by which an alert suffers from any other incident."""

    def declared_cause(self, _: AlertSnapshot) -> None:
        """None."""

    def is_regional(self, _: AlertSnapshot) -> bool:
        return False

    def suffers_from(self, *_: object) -> bool:
        return True

    spills_over = suffers_from


@pytest.mark.parametrize(("alert_id", "home"), [("A-1", "I-1"), ("A-2", "I-3")])
def test_an_alert_that_comes_back_goes_to_the_incident_that_goes_on_but_for_the_one_that_its_incident_is_named_after(alert_id, home):
    members = [episode("drop", "SUP-02", alert_id="A-1"), episode("drop", "SUP-03", alert_id="A-2"), episode("storm", "SUP-01")]
    over = OpenIncident("I-1", members[0].detected_us, {one.alert_id: replace(one, ended_us=one.at_us) for one in members}, "SUP-01")
    lasting = episode("storm", "SUP-04", alert_id="A-3")
    over.resolved_us = over.ended_us = lasting.at_us
    incidents = Incidents(CorrelationParameters())
    for event in (over, OpenIncident("I-3", lasting.detected_us, {"A-3": lasting}, "SUP-04")):
        incidents.events[event.incident_id] = event
        incidents._of |= dict.fromkeys(event.members, event.incident_id)
    again = next(one for one in members if one.alert_id == alert_id)
    incidents.apply(lasting.at_us, [again], dict.fromkeys(incidents._of, True), Elsewhere())  # type: ignore[arg-type]
    assert incidents.of(alert_id).incident_id == home
