"""Answers about very many changes come from a process of its own, which knows what the monitor knows, and whose end nobody notices."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from changes.planning.conflicts import PlanningRules
from changes.planning.sec_limits import SecParameters
from models.change import Change
from models.times import parse_time
from service.access import Principal, Role
from service.ingest.intake import StoppingError
from service.planning import answers
from service.planning.apart import PlanningProcess
from service.planning.calendar_page import CalendarSpan
from service.planning.plans import Plans
from service.planning.risk_book import Risks
from tests.service.builders import change_json
from tests.service.house import House, until

ACME = Principal("t", "t", Role.USER, "ACME")
SPAN = CalendarSpan(
    start_us=parse_time("2026-01-01T00:00:00Z"), end_us=parse_time("2026-03-01T00:00:00Z"), owner=None, category=None, q=None, limit=100
)
CHANGES = [Change.model_validate(change_json(f"C-{number}")) for number in range(120)]
ASKED = [(answers.calendar, (ACME, SPAN)), (answers.previewed, (ACME, CHANGES[0])), (answers.declared, (ACME, CHANGES[0]))]


def plans(changes: list[Change]) -> Plans:
    return Plans(changes, PlanningRules(), SecParameters(), frozenset(), Risks({}), parse_time("2026-01-04T00:00:00Z"), 5_000)


@pytest.fixture
def process() -> Iterator[PlanningProcess]:
    with closing(PlanningProcess()) as made:
        until(lambda: made.answer(plans(CHANGES[:3]), answers.calendar, (ACME, SPAN)), 60)
        yield made


def test_it_answers_what_would_be_answered_here_also_after_changes(process: PlanningProcess) -> None:
    moved = CHANGES[0].model_copy(update={"planned_end": CHANGES[0].planned_end + timedelta(days=1)})
    for known in (CHANGES[:5], CHANGES, [moved, *CHANGES[1:]], CHANGES[3:], CHANGES[:1]):
        for job, arguments in ASKED:
            assert process.answer(plans(known), job, arguments) == job(plans(known), *arguments)


def test_what_a_job_raises_is_raised_and_the_next_one_is_answered(process: PlanningProcess) -> None:
    month = ("2026-01", "md")
    assert process.answer(plans(CHANGES), answers.issue, month)
    with pytest.raises(RuntimeError, match="KeyError"):
        process.answer(plans(CHANGES), answers.issue, ("2026-01", "exe"))
    assert process.answer(plans(CHANGES), answers.issue, month)


def test_another_one_starts_where_it_was_killed(process: PlanningProcess) -> None:
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    ask = partial(process.answer, plans(CHANGES), answers.calendar, (ACME, SPAN))
    assert ask() is None, "it is computed here meanwhile"
    assert until(ask, 60) == answers.calendar(plans(CHANGES), ACME, SPAN)


def test_nothing_is_answered_once_it_is_closed(process: PlanningProcess) -> None:
    process.close()
    with pytest.raises(StoppingError):
        process.answer(plans(CHANGES), answers.calendar, (ACME, SPAN))


def test_a_monitor_with_many_changes_uses_it_and_answers_the_same(tmp_path: Path) -> None:
    with House(tmp_path / "data") as house:
        acme = house.client("user:ACME")
        assert acme.post("/v1/changes", json=[change_json(f"C-{number}") for number in range(250)]).status_code == 201
        ask = partial(acme.get, "/v1/calendar?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z")
        first = ask().content
        process = house.parts.planning_room._process
        until(lambda: ask().content == first and process._is_ready, 60)
        assert ask().content == first
        assert len(json.loads(first)["items"]) == 250
        assert acme.get("/v1/calendar/issue?month=2026-01&format=xlsx").content[:2] == b"PK"
        assert acme.put("/v1/changes/C-1", json=change_json("C-1", title="Moved")).json()["title"] == "Moved"
        assert process._process is not None
        number = process._process.pid
    assert not Path(f"/proc/{number}").exists(), "it ends with the monitor"
