"""Decisions: the records of some windows, for triage and for Users. All stages pass decisions on in this form."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from models.alert import Alert
from models.change_report import ChangeReport
from models.incident import Incident


@dataclass(frozen=True, slots=True)
class Decisions:
    """The records of one window are sorted by id (Users' copies by User, then id); several windows follow one another."""

    alerts: tuple[Alert, ...] = ()
    """As triage sees them."""
    user_alerts: tuple[tuple[str, Alert], ...] = ()
    """Each User's own copies."""
    incidents: tuple[Incident, ...] = ()
    """For triage only."""
    reports: tuple[ChangeReport, ...] = ()
    """As triage sees them."""
    user_reports: tuple[tuple[str, ChangeReport], ...] = ()
    """Each User's own copies."""

    @classmethod
    def joined(cls, parts: "Iterable[Decisions]") -> "Decisions":
        """All `parts`, one after the other."""
        known = list(parts)
        return Decisions(
            tuple(chain.from_iterable(part.alerts for part in known)),
            tuple(chain.from_iterable(part.user_alerts for part in known)),
            tuple(chain.from_iterable(part.incidents for part in known)),
            tuple(chain.from_iterable(part.reports for part in known)),
            tuple(chain.from_iterable(part.user_reports for part in known)),
        )
