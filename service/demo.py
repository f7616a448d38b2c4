"""The demo: a simulated day is sent to a real monitor, and each incident is printed in one line."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.canonical_json import to_json
from models.change import Change
from models.clock import Clock
from service.access import DESK, Role
from service.composition import compose
from service.engine.engine import Engine
from service.http.server import serve
from service.ingest.event_bodies import decoded
from service.ingest.intake import BusyError, Intake
from service.ingest.journal import CHANGES, EVENTS, FINISH
from service.parameters import ServeParameters
from service.store.records import ALERT, INCIDENT, Logged, Row
from streams.pipeline import PipelineParameters

STREAM = "demo"
_PAUSE_S = 0.02
_MERGED = "Merged into "
"""The beginning of the summary of an incident that was merged into another: only the other is printed."""


def show(
    parameters: ServeParameters,
    flow: PipelineParameters,
    changes: Sequence[Change],
    blocks: Iterable[bytes],
    *,
    say: Callable[[str], None],
    exit_when_done: bool,
) -> None:
    """Serves a monitor that anyone on this machine may read, sends it the day, prints the incidents; until Ctrl-C or `exit_when_done`."""
    parts = compose(parameters, flow, open_role=Role.TRIAGE)
    printer = IncidentPrinter(say, {change.change_id: change.title for change in changes})
    stop = threading.Event()

    async def day() -> None:
        began = time.monotonic()
        try:
            events = await asyncio.to_thread(send_day, parts.engine, parts.intake, parts.clock, changes, blocks, stop.is_set)
            printer.finish()
            took_s = time.monotonic() - began
            say(f"done: {events:,} events in {took_s:.0f} s, {printer.printed} incidents")
            if not exit_when_done:
                say("the page stays available until Ctrl-C")
                await asyncio.Event().wait()
        finally:
            stop.set()

    parts.monitor.start()
    try:
        parts.engine.on_commit(printer.on_commit)
        serve(parts, lambda address: say(f"listening on {address}"), day)
    finally:
        parts.monitor.close()


def send_day(
    engine: Engine, intake: Intake, clock: Clock, changes: Sequence[Change], blocks: Iterable[bytes], stopped: Callable[[], bool]
) -> int:
    """Declares the changes, posts the events as fast as they are judged, and ends the input; returns the number of events."""
    now_us = clock.wall_us()
    body = b"\n".join(to_json(change) for change in changes)
    intake.submit(CHANGES, "", body, list(changes), now_us).result()
    events = 0
    for block in blocks:
        if stopped():
            return events
        batch = decoded(block, STREAM, len(block))
        events += len(batch)
        _post(intake, block, batch, stopped)
    last = intake.submit(FINISH, STREAM, b"", None, clock.wall_us()).result()
    engine.reached(last.seq).result()
    return events


def _post(intake: Intake, block: bytes, batch: Any, stopped: Callable[[], bool]) -> None:
    while not stopped():
        try:
            intake.submit(EVENTS, STREAM, block, batch, 0).result()  # The events of a simulated day have no arrival time.
            return
        except BusyError:
            time.sleep(_PAUSE_S)


@dataclass(slots=True)
class IncidentPrinter:
    """Prints each incident once: when it is over, in that order, or at the end; so every machine prints the same lines.

    Incidents that were never more than `info`, such as declared effects, are not printed.
    """

    say: Callable[[str], None]
    titles: dict[str, str]
    printed: int = 0
    _waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)
    _serious: set[str] = field(default_factory=set)

    def on_commit(self, added: Sequence[tuple[Logged, Row]]) -> None:
        """Records just committed."""
        for _, row in added:
            if row.audience != DESK:
                continue
            if row.kind == ALERT and row.severity != "info":
                self._serious.add(row.incident_id)
            if row.kind == INCIDENT and row.id not in self._done:
                self._waiting[row.id] = json.loads(row.body)
        over = [incident for incident in self._waiting.values() if incident["status"] == "resolved"]
        for incident in sorted(over, key=lambda one: (one["as_of"], one["incident_id"])):
            if incident["summary"].startswith(_MERGED):
                self._done.add(incident["incident_id"])
                del self._waiting[incident["incident_id"]]
            elif incident["incident_id"] in self._serious:
                self._print(incident)

    def finish(self) -> None:
        """Prints the incidents that are still open."""
        for incident_id in sorted(set(self._waiting) & self._serious):
            self._print(self._waiting[incident_id])

    def _print(self, incident: dict[str, Any]) -> None:
        self._done.add(incident["incident_id"])
        del self._waiting[incident["incident_id"]]
        self.printed += 1
        who = f" at {incident['origin_user']}" if incident["origin_user"] else ""
        kinds = " + ".join(incident["kinds"])
        self.say(f"{incident['opened_at']}  {kinds}{who}  <-  {self._cause(incident)}  |  {incident['summary']}")

    def _cause(self, incident: dict[str, Any]) -> str:
        if not incident["suspects"]:
            return "no change suspected"
        suspect = incident["suspects"][0]
        if suspect["change_id"] is None:
            return f"a change of {suspect['owner']} that nobody declared ({suspect['verdict']}, {suspect['score']})"
        title = self.titles.get(suspect["change_id"], "")
        return f"{suspect['change_id']} {title!r} of {suspect['owner']} ({suspect['verdict']}, {suspect['score']})"
