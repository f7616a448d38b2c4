"""The demo tells a day to a real monitor and says each incident once, with its change."""

import re
from pathlib import Path

from models.times import parse_time
from service.demo import IncidentPrinter, show
from service.parameters import ServeParameters
from service.store.records import Logged, Row
from simulator.simulation import find_scenario, simulate
from streams.pipeline import PipelineParameters
from tests.service.builders import alert, desk, incident

SUSPECT = {"change_id": "C-1", "owner": "ACME", "basis": "declared", "verdict": "probable", "score": 0.9}


def on_commit(printer: IncidentPrinter, rows: list[Row]) -> None:
    printer.on_commit([(Logged(1, row.kind, row.audience, row.owner, row.body, row.id), row) for row in rows])


def suspect(verdict: str):
    return alert(suspects=({**SUSPECT, "verdict": verdict},)).suspects


def test_an_incident_is_printed_once_when_it_is_over() -> None:
    sent: list[str] = []
    printer = IncidentPrinter(sent.append, {"C-1": "Replace the firewall"})
    on_commit(printer, desk(alert(), incident(suspects=suspect("possible"))))
    assert sent == []
    on_commit(printer, desk(incident(revision=2, suspects=suspect("probable"))))
    assert sent == []
    on_commit(printer, desk(incident(revision=3, status="resolved", suspects=suspect("probable"))))
    printer.finish()
    (line,) = sent
    assert "C-1 'Replace the firewall' of ACME (probable, 0.9)" in line
    assert line.startswith("2026-01-05T00:10:00Z  backlog at ACME")


def test_what_is_still_open_is_printed_at_the_end() -> None:
    sent: list[str] = []
    printer = IncidentPrinter(sent.append, {})
    on_commit(printer, desk(alert(), alert("A-2", incident_id="I-2"), incident("I-1", status="resolved"), incident("I-2")))
    assert len(sent) == 1
    assert "no change suspected" in sent[0]
    printer.finish()
    assert len(sent) == 2


def test_what_wakes_nobody_and_what_was_merged_is_not_said() -> None:
    sent: list[str] = []
    printer = IncidentPrinter(sent.append, {})
    on_commit(printer, desk(alert("A-1", severity="info"), incident("I-1", status="resolved")))
    on_commit(
        printer, desk(alert("A-2", incident_id="I-2"), incident("I-2", status="resolved", summary="Merged into I-1: it is one event."))
    )
    printer.finish()
    assert sent == []


def test_a_small_day_runs_from_start_to_end(tmp_path: Path) -> None:
    scenario = find_scenario("firewall")
    simulation = simulate(scenario, 3, users=6, days=2, start_us=parse_time(scenario.start), window_s=300)
    sent: list[str] = []
    parameters = ServeParameters(port=0, data_dir=tmp_path / "data")
    show(parameters, PipelineParameters(), simulation.changes, simulation.blocks(), say=sent.append, exit_when_done=True)
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+", sent[0])
    assert re.fullmatch(r"done: 38,\d+ events in \d+ s, \d+ incidents", sent[-1])
    assert len(sent) - 2 == int(sent[-1].split()[-2])
