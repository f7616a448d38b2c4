"""Result files: the four record files of a replay, written line by line as windows close, and complete or absent at the end."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from models.alert import Alert
from models.canonical_json import to_json
from models.errors import UnreadableInput
from models.incident import Incident
from models.wire_model import WireModel
from streams.flow import FlowStep

NAMES = ("alerts.ndjson", "incidents.ndjson", "change-reports.ndjson", "rejected.ndjson")
UNFINISHED = ".unfinished"
"""The name of a file until the run has ended."""


class ResultFiles:
    """The four output files of one run; they get their names when the run has ended well."""

    def __init__(self, folder: Path) -> None:
        """Creates `folder` if it is missing. Raises UnreadableInput if nothing can be written there."""
        self._folder = folder
        self._stack = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._files = {name: self._stack.enter_context((folder / (name + UNFINISHED)).open("wb")) for name in NAMES}
        except OSError as fault:
            self._stack.close()
            raise UnreadableInput(f"can't write to {folder}: {fault.strerror}; choose another --out") from None
        self.counts = dict.fromkeys(NAMES, 0)

    def write(self, step: FlowStep) -> None:
        """Writes the records of one step; steps come in order of event time, so only the order within a window must be sorted."""
        alerts: list[Alert] = sorted(step.alerts, key=lambda alert: (alert.as_of, alert.alert_id, alert.revision))
        incidents: list[Incident] = sorted(step.incidents, key=lambda one: (one.as_of, one.incident_id, one.revision))
        self._append(NAMES[0], alerts)
        self._append(NAMES[1], incidents)
        reports = sorted(step.reports, key=lambda one: (one.as_of, one.change_id, one.owner or "", one.revision))
        self._append(NAMES[2], reports)
        self._append(NAMES[3], step.rejected)

    def _append(self, name: str, records: Iterable[WireModel]) -> None:
        lines = [to_json(record) + b"\n" for record in records]
        if not lines:
            return
        self.counts[name] += len(lines)
        try:
            self._files[name].writelines(lines)
        except OSError as fault:
            raise UnreadableInput(f"can't write {self._folder / name}: {fault.strerror}; make room, then run again") from None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Gives the files their names, unless the run failed: then they stay marked as unfinished."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self._stack.close()
        if kind is None:
            for name in NAMES:
                (self._folder / (name + UNFINISHED)).replace(self._folder / name)
