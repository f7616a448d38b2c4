"""What is said follows the phase: a sentence about trouble that is over is in the past, and nobody is asked to stop what has stopped."""

from dataclasses import replace

import pytest

from correlation.alert_draft import Draft
from correlation.grading.declared_effect import NO_ENVELOPE
from correlation.grading.incident_category import Category, CategoryInputs, categorise, never_milder
from correlation.incidents.open_incident import OpenIncident
from correlation.parameters import CategoryParameters
from correlation.wording.alert_text import describe_open
from correlation.wording.next_step import next_step
from correlation.wording.shared_trouble import headline
from correlation.wording.summary import incident_summary, summary
from models.alert import Suspect
from models.times import MINUTE_US
from models.vocabulary import Phase
from tests.correlation.past import ONSET, calendar, case, change, episode

OTHERS = tuple(f"USER-{number:02}" for number in range(1, 6))
VIEW = calendar(change("CHG-1"))
SUSPECT = Suspect(change_id="CHG-1", owner="USER-00", basis="declared", verdict="probable", score=1.0, reasons=())
STORM = episode("storm", observed=55.0, expected=50.0, peak=900.0)


def category(phase: Phase, users: int = 12, others: tuple[str, ...] = OTHERS) -> Category:
    event = OpenIncident("I-1", ONSET, origin_user="USER-00", affected=set(others))
    never_milder(event, categorise(CategoryInputs(case(STORM, affected=others), users, "critical", False, {}), CategoryParameters()))
    event.course.phase = phase
    extent = CategoryInputs(case(STORM, affected=others), users, "critical", False, {}, phase)
    return never_milder(event, categorise(extent, CategoryParameters()))


def draft(phase: Phase, reader: str | None = None) -> Draft:
    others = OTHERS if reader is None else ()
    return Draft(
        episode=STORM,
        case=case(STORM, affected=others),
        resolved=False,
        incident_id="I-1",
        severity="critical",
        category=category(phase),
        processes=("billing",),
        suspects=(SUSPECT,),
        envelope=NO_ENVELOPE,
        affected=others,
        threatened=(),
        nature=None,
        reader=reader,
        phase=phase,
    )


def test_a_category_states_its_reason_in_the_tense_of_the_phase() -> None:
    assert category("growing").reason == "5 of 12 Users are affected."
    assert category("recovering").reason == "5 of 12 Users have been affected."
    assert category("tail") == Category(1, "At its worst: 5 of 12 Users were affected.")
    assert category("recovering", 60, OTHERS[:1]).reason == "1 other User has been affected; the service runs at reduced capacity."
    assert category("tail", 60, ()).reason == "At its worst: It lasted longer than 15 min at one User."


@pytest.mark.parametrize("reader", [None, "USER-00"])
def test_nobody_is_asked_to_pause_what_is_over(reader: str | None) -> None:
    assert "can it be paused or rolled back?" in next_step(draft("growing", reader), VIEW)
    recovering, tail = (next_step(draft(phase, reader), VIEW) for phase in ("recovering", "tail"))
    assert "paused" not in recovering
    assert "CHG-1 is over or rolled back" in recovering
    assert tail.startswith("No action for now: ")


def test_users_that_suffered_do_not_suffer_in_the_tail() -> None:
    assert "5 other Users suffer (" in incident_summary(case(STORM, affected=OTHERS), OTHERS, draft("holding"), VIEW)
    assert "5 other Users have suffered (" in incident_summary(case(STORM, affected=OTHERS), OTHERS, draft("recovering"), VIEW)
    assert "5 other Users suffered (" in incident_summary(case(STORM, affected=OTHERS), (), draft("tail"), VIEW)
    assert "This affected billing." in summary(draft("tail"), VIEW)


def test_a_part_that_is_over_is_not_the_end_of_its_incident() -> None:
    silence = episode("silence", ended_us=ONSET, resolved_us=ONSET)
    over = replace(draft("recovering"), episode=silence, case=case(silence, STORM), resolved=True)
    assert next_step(over, VIEW) == "This part is over: follow what else is open of incident I-1."
    assert next_step(replace(over, reader="USER-00"), VIEW) == "This part is over: follow your other alerts that are open."
    assert next_step(replace(over, case=case(silence)), VIEW) == "Confirm with those affected that it is over."


def test_a_reader_gets_a_revision_when_there_is_something_else_to_do() -> None:
    assert draft("growing").signature() == draft("holding").signature()
    assert len({draft(phase).signature() for phase in ("holding", "recovering", "tail")}) == 3
    victim = replace(draft("recovering"), episode=replace(STORM, user="USER-01"))
    assert victim.signature() == replace(victim, phase="tail").signature(), "the desk has nothing to do there"


def test_a_region_whose_traffic_is_back_does_not_fail_any_more() -> None:
    failing = case(episode("failures", "USER-01"), episode("failures", "USER-02"), origin=None)
    assert headline(failing, "Region north") == "Region north: failures at 2 Users since 12:00 UTC."
    tail = headline(failing, "Region north", phase="tail")
    assert tail == "Region north: failures at 2 Users, which began 12:00 UTC. Their traffic is usual again."
    assert headline(failing, "Region north", kind="failures") == "Region north: failures at 2 Users since 12:00 UTC."
    silent = case(*failing.episodes, episode("silence", "USER-03", onset_us=ONSET + MINUTE_US), origin=None)
    assert headline(silent, "Region north", kind="silence") == "Region north: silence at 1 User since 12:01 UTC."


def test_what_is_shared_is_said_of_those_who_have_it_and_since_they_have() -> None:
    """All fall silent, then nine of ten ask again at once: that is no storm of ten Users since the first minute."""
    silent = [episode("silence", f"USER-{n:02}", ended_us=ONSET + 8 * MINUTE_US) for n in range(10)]
    storms = [episode("storm", f"USER-{n:02}", onset_us=ONSET + 9 * MINUTE_US) for n in range(9)]
    again = case(*silent, *storms, origin=None)
    assert headline(again, "The network") == "The network: storm at 9 Users since 12:09 UTC, after silence from 12:00 UTC on."
    assert headline(again, "The network", kind="silence") == "The network: silence at 10 Users since 12:00 UTC."
    over = headline(again, "The network", ONSET + 40 * MINUTE_US)
    assert over == "The network: silence and storm at 10 Users ended 12:40 UTC after 40 min."


def test_failures_that_are_as_usual_are_said_to_be() -> None:
    text = describe_open(episode("failures", observed=1.0, expected=1.7, peak=172.0))
    assert "The last window is usual again: 1 failed service requests in north (normal: 1.7)." in text
    assert "usual again" not in describe_open(episode("failures", observed=30.0, expected=1.7))


def test_nobody_is_another_user_where_it_began_at_none() -> None:
    extent = CategoryInputs(case(STORM, origin=None, affected=OTHERS[:2]), 60, "critical", False, {})
    assert categorise(extent, CategoryParameters()).reason == "2 Users are affected; the service runs at reduced capacity."
