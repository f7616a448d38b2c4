"""A board to look at: incidents, alerts, changes, reports and traffic of which a test names only what matters to it."""

from typing import Any

from models.alert import Reason, Suspect, ThreatenedChange
from models.times import format_time
from tests.service.builders import alert, change_json, desk, incident, own, report
from tests.service.house import House

SUSPECT = Suspect(
    change_id="C-1", owner="ACME", basis="declared", verdict="probable", score=0.9, reasons=(Reason(code="onset", text="It fits."),)
)
OTHER_PARTY = Suspect(change_id=None, owner=None, basis="other_party", verdict="probable", score=0.9, reasons=())
MARKUP = '<img src=x onerror="document.body.dataset.owned=1"><b>bold</b>'


def lay_out(house: House, *, title: str = MARKUP) -> None:
    """Two open incidents, one that is over, a User's copies, changes of three owners, an hour of traffic."""
    threatened = (ThreatenedChange(change_id="D-1", why="The test starts at 12:00 UTC."),)
    house.publish(
        [
            *desk(
                incident("I-1", suspects=(SUSPECT,), threatened_changes=threatened, affected_users=("BOLT", "CRUX", "DOVE", "ECHO")),
                incident("I-2", category=1, kinds=("storm",), origin_user="BOLT", alert_ids=("A-2",), summary="BOLT: a storm of messages"),
                incident("I-3", alert_ids=("A-3",), summary="ACME: it was short"),
                alert("A-1", suspects=(SUSPECT,)),
                alert("A-2", user="BOLT", kind="storm", incident_id="I-2", severity="critical", suspects=()),
                alert("A-3", incident_id="I-3"),
            ),
            *own("ACME", alert("A-1", suspects=(SUSPECT,), incident_id=None, next_step="Check C-1: can it be paused?")),
            *own("BOLT", alert("B-1", user="BOLT", incident_id=None, suspects=(OTHER_PARTY,), summary="BOLT: fewer messages than usual")),
        ]
    )
    over: dict[str, Any] = {"revision": 2, "status": "resolved", "resolved_at": "2026-01-05T00:40:00Z", "phase": "tail"}
    house.publish(desk(incident("I-3", alert_ids=("A-3",), summary="ACME: it was short", **over), alert("A-3", incident_id="I-3", **over)))
    declare(house, title)
    post_reports(house)
    post_traffic(house)


def declare(house: House, title: str) -> None:
    """Changes of three owners, one with markup in its title."""
    last_week = {"planned_start": "2026-01-03T00:00:00Z", "planned_end": "2026-01-03T02:00:00Z"}
    declared = {
        "user:ACME": [
            change_json("C-1", title=title, visibility="public_summary"),
            change_json("C-0", title="Patch of last week", **last_week),
        ],
        "user:BOLT": [change_json("C-2", "BOLT", title="BOLT's secret work")],
        "triage": [change_json("D-1", "DCC", category="bcdr_test", title="Disaster recovery test", planned_end="2026-01-05T04:00:00Z")],
    }
    for role, changes in declared.items():
        house.client(role).post("/v1/changes", json=changes).raise_for_status()


def post_reports(house: House) -> None:
    """ACME's report on its change, for the desk and for itself."""
    house.publish([*desk(report("C-0", owner="ACME")), *own("ACME", report("C-0", owner="ACME"))])


def post_traffic(house: House, minutes: int = 90) -> None:
    """Messages and queues of two Users, a window a minute, up to now."""
    now_us = house.parts.clock.wall_us()
    first = now_us // 60_000_000 - minutes
    events = []
    for minute in range(minutes):
        at = {"observed_at": format_time((first + minute) * 60_000_000), "window_s": 60}
        for user, messages in (("ACME", 100), ("BOLT", 500 if minute > 60 else 50)):
            common = {"kind": "traffic", "user": user, "direction": "to_dsp", "message_class": "service_request", **at}
            events += [{**common, "messages": messages, "failures": minute % 4}]
            events += [{**common, "direction": "to_user", "message_class": "service_response", "messages": messages * 2}]
            events += [{"kind": "queue", "user": user, "queue": "to_user", "depth": 3 + 40 * max(0, minute - 60), "capacity": 5000, **at}]
    house.client("ingest").post("/v1/events", json=events).raise_for_status()
    house.judged()
