"""The board of the monitor: filled from the records as they are committed, so that what is judged again after a crash counts once."""

from collections.abc import Callable, Iterable, Sequence

from models.alert import Alert
from models.incident import Incident
from models.report import ChangeReport
from models.wire import decode
from service.store.records import ALERT, INCIDENT, REPORT, Row
from service.tenancy import DESK
from streams.metrics.board import Board


class DeskBoard(Board):
    """Counts what the triage desk sees; Users' copies of it would count twice."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__()
        self.correlates = True
        self._now_us = now_us

    def recorded(self, rows: Iterable[Row]) -> None:
        """Records just committed."""
        now_us = self._now_us()
        for row in rows:
            if row.audience != DESK:
                continue
            if row.kind == ALERT:
                self.alert(decode(Alert, row.body), now_us)
            elif row.kind == INCIDENT:
                self.incident(decode(Incident, row.body))
            elif row.kind == REPORT:
                self.report(decode(ChangeReport, row.body))

    def stood_before(self, alerts: Sequence[bytes], incidents: Sequence[bytes]) -> None:
        """What was open before a restart."""
        for body in alerts:
            self.stood(decode(Alert, body))
        for body in incidents:
            self.stood(decode(Incident, body))
