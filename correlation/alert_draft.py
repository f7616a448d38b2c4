"""Draft: the state of an alert in one window, before the decision whether it makes a revision."""

from dataclasses import dataclass
from functools import lru_cache

from correlation.attribution.cause_class import CauseClass
from correlation.grading.declared_effect import Envelope
from correlation.grading.incident_category import Category
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import AlertSeries, Suspect, ThreatenedChange
from models.columns import SeriesKey
from models.vocabulary import SUSPECTED, Phase, Severity

_GROWS = frozenset({"storm", "backlog", "failures", "drift"})
_MENDS: tuple[Phase, ...] = ("recovering", "tail")
"""Phases in which a reader has something else to do."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything from which the texts are made; in a User's copy only facts that this User may know."""

    episode: AlertSnapshot
    case: IncidentSnapshot
    resolved: bool
    incident_id: str
    severity: Severity
    category: Category
    processes: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    envelope: Envelope
    affected: tuple[str, ...]
    threatened: tuple[ThreatenedChange, ...]
    nature: CauseClass | None
    reader: str | None
    """The User that receives this copy; None for triage."""
    phase: Phase = "growing"
    """Of its incident."""

    @property
    def collateral(self) -> bool:
        """Whether it is an effect of another User's incident."""
        return self.case.origin_user is not None and self.episode.user != self.case.origin_user

    @property
    def blamed(self) -> Suspect | None:
        """The first suspect, if it is probable or possible."""
        first = self.suspects[0] if self.suspects else None
        return first if first is not None and first.verdict in SUSPECTED else None

    def signature(self) -> tuple[object, ...]:
        """The facts on which a reader acts: a revision is written when they differ."""
        return (
            self.resolved,
            self.severity,
            self.category.number,
            self.envelope.position,
            self.incident_id,
            blamed(self.suspects),
            self.processes,
            tuple(change.change_id for change in self.threatened),
            common(self.episode.series),
            self.phase if self.phase in _MENDS and not self.resolved and (self.reader is not None or not self.collateral) else "",
        )

    def sizes(self) -> tuple[float, float]:
        """Observed and depth, for values that grow; 0 where a doubling has no meaning for a reader."""
        grows = self.episode.kind in _GROWS and self.episode.direction != "down"
        return (self.episode.observed if grows else 0.0), self.episode.evidence.get("depth", 0.0)


def blamed(suspects: tuple[Suspect, ...]) -> tuple[object, ...]:
    """The suspects that a reader would ask about, in their order, with their verdicts."""
    return tuple((one.change_id, one.owner, one.basis, one.verdict) for one in suspects if one.verdict in SUSPECTED)


@lru_cache(maxsize=4096)
def common(keys: tuple[SeriesKey, ...]) -> SeriesKey:
    """The fields in which all `keys` agree; the others are empty (`window_s`: 0)."""
    user, direction, message_class, service, region, queue = (_shared({key[part] for key in keys}) for part in range(6))
    windows = {key.window_s for key in keys}
    return SeriesKey(user, direction, message_class, service, region, queue, windows.pop() if len(windows) == 1 else 0)


def _shared(values: set[str | int]) -> str:
    return str(values.pop()) if len(values) == 1 else ""


def alert_series(keys: tuple[SeriesKey, ...]) -> AlertSeries:
    """The same in the form of the record."""
    return AlertSeries.model_validate({name: part or None for name, part in common(keys)._asdict().items()})
