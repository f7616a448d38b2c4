"""Health: whether the monitor can work now, and why not."""

from service.engine.engine import Engine
from service.ingest.intake import Intake


class Health:
    """Asks the parts that write to the disk."""

    def __init__(self, intake: Intake, engine: Engine) -> None:
        self._intake, self._engine = intake, engine
        self.ready = False
        """Whether the monitor has started and is not stopping."""

    def fault(self) -> str | None:
        """Why nothing can be kept or judged at the moment; None while all is well."""
        return self._intake.fault or self._engine.fault
