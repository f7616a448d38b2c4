"""Health: whether the monitor can work now, and the reason if not."""

from service.engine.engine import Engine
from service.ingest.intake import Intake
from service.notify.sources import Sources


class Health:
    """Queries the parts that write to the disk."""

    def __init__(self, intake: Intake, engine: Engine, sources: Sources) -> None:
        self._intake, self._engine, self._sources = intake, engine, sources
        self.ready = False
        """Whether the monitor has started and is not stopping."""

    def fault(self) -> str | None:
        """Why nothing can be stored or judged at the moment; None while everything works."""
        return self._intake.fault or self._engine.fault

    def refuses(self) -> bool:
        """Whether no input can be accepted."""
        return self._intake.fault is not None

    def remarks(self) -> list[str]:
        """The faults besides a working intake, one line each. They contain no file name and no User's data."""
        remarks = self._engine.remarks()
        if (recovery := self._engine.recovery()) is not None:
            remarks.append(f"recovering: entry {recovery[0]} of {recovery[1]} is judged")
        if self._engine.fault is not None:
            remarks.append("nothing is judged at the moment: the log gives the reason")
        if self._engine.quarantined:
            remarks.append(f"{self._engine.quarantined} entries in quarantine: `highwater doctor` shows more")
        stopped = self._sources.remark()
        return [*remarks, *([stopped] if stopped else [])]
