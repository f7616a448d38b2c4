"""Topics: their names and their readers."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Topics:
    """Every topic of one installation; `prefix` separates installations on one cluster."""

    prefix: str = ""

    @cached_property
    def rates(self) -> str:
        """Telemetry: message rates, keyed by User."""
        return f"{self.prefix}dsp.message-rates"

    @cached_property
    def depths(self) -> str:
        """Telemetry: queue depths, keyed by User."""
        return f"{self.prefix}dsp.queue-depths"

    @cached_property
    def calendar(self) -> str:
        """Changes, keyed by owner/change_id; the highest revision counts."""
        return f"{self.prefix}change-calendar"

    @cached_property
    def findings(self) -> str:
        """Findings and progress of the partitions; internal."""
        return f"{self.prefix}highwater-findings"

    @cached_property
    def pulses(self) -> str:
        """Observed against expected traffic; internal."""
        return f"{self.prefix}highwater-pulses"

    @cached_property
    def checkpoints(self) -> str:
        """State of the workers with the positions that it covers."""
        return f"{self.prefix}highwater-checkpoints"

    @cached_property
    def quarantine(self) -> str:
        """Records that could not be worked on, kept whole, keyed by where they stood."""
        return f"{self.prefix}highwater-quarantine"

    @cached_property
    def alerts(self) -> str:
        """Alerts as triage sees them, keyed by alert_id."""
        return f"{self.prefix}impact-alerts"

    @cached_property
    def incidents(self) -> str:
        """Incidents, keyed by incident_id; triage only."""
        return f"{self.prefix}impact-incidents"

    @cached_property
    def reports(self) -> str:
        """Change reports, keyed by owner/change_id."""
        return f"{self.prefix}change-reports"

    @cached_property
    def dead_letters(self) -> str:
        """Input that was malformed, late or never released."""
        return f"{self.prefix}dead-letters"

    @cached_property
    def telemetry(self) -> tuple[str, str]:
        """The topics whose partitions the workers share by number."""
        return (self.rates, self.depths)

    @cached_property
    def stages(self) -> tuple[str, str]:
        """The topics that one worker reads to correlate."""
        return (self.findings, self.pulses)

    def alerts_of(self, user: str) -> str:
        """A User's own copies of its alerts."""
        return f"{self.alerts}.{user}"

    def reports_of(self, user: str) -> str:
        """A User's own copies of the reports on its changes."""
        return f"{self.reports}.{user}"
