"""Draft: the state of an alert in one window, before the decision whether it makes a revision."""

from dataclasses import dataclass
from functools import lru_cache

from correlation.attribution.cause_class import CauseClass
from correlation.grading.declared_effect import Envelope
from correlation.grading.incident_category import Category
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import AlertSeries, Suspect, ThreatenedChange
from models.columns import SeriesKey
from models.vocabulary import SEVERITIES, SUSPECTED, AlertKind, Phase, Severity

_GROWS = frozenset({"storm", "backlog", "failures", "drift"})
_RANKS: tuple[AlertKind, ...] = ("backlog", "storm", "silence", "failures", "drop", "drift", "stale")
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
    carries_news: bool = True
    """Whether revisions of it say what is new of its incident: of the alerts of one origin, the first that is open."""
    began_elsewhere: bool = False
    """In a User's copy: whether its loss began at no User, seen over the whole service."""
    woke: bool = True
    """Whether it is, or was before it joined another's incident, a reason to look at this very alert."""

    @property
    def collateral(self) -> bool:
        """Whether it is an effect of another User's incident."""
        return self.case.origin_user is not None and self.episode.user != self.case.origin_user

    @property
    def blamed(self) -> Suspect | None:
        """The first suspect, if it is probable or possible."""
        first = self.suspects[0] if self.suspects else None
        return first if first is not None and first.verdict in SUSPECTED else None

    @property
    def side_effect(self) -> bool:
        """Whether the triage desk acts on it where it began: an effect of another User's incident."""
        return self.reader is None and self.collateral

    @property
    def urgency(self) -> Severity:
        """The severity for this reader: the incident calls the triage desk once, which has nothing to do at each User that suffers."""
        return "info" if self.side_effect and not self.woke and self.severity == "warning" else self.severity

    def signature(self) -> tuple[object, ...]:
        """The facts on which a reader acts: a revision is written when they differ.

        Of a side effect that is its beginning and its end: what else is new of it stands in its incident and in its User's copy.
        """
        standing = (self.resolved, self.urgency, self.incident_id, self.envelope.position)
        if self.side_effect:
            return standing
        phase = self.phase if self.phase in _MENDS and not self.resolved else ""
        news = (self.processes, tuple(change.change_id for change in self.threatened), phase) if self.carries_news else ()
        return (
            *standing,
            self.category.number,
            blamed(self.suspects),
            *news,
            common(self.episode.series),
        )

    def sizes(self) -> tuple[float, float]:
        """Observed and depth, for values that grow; 0 where a doubling has no meaning for a reader."""
        grows = self.episode.kind in _GROWS and self.episode.direction != "down" and not self.side_effect
        return (self.episode.observed if grows else 0.0), self.episode.evidence.get("depth", 0.0)


def display_order(draft: Draft) -> tuple[object, ...]:
    """The origin's gravest first, a backlog before the silence that goes with it."""
    episode = draft.episode
    over, rank = episode.ended_us is not None, _RANKS.index(episode.kind)
    return draft.collateral, over, -SEVERITIES.index(draft.severity), rank, episode.onset_us, episode.alert_id


def messenger_of(case: IncidentSnapshot) -> str | None:
    """The alert whose revisions say what is new of its incident: the first at the origin that is open, else the first of all."""
    own = case.origin_alerts or case.episodes
    first = min(own, key=lambda one: (not one.open, one.detected_us, one.alert_id), default=None)
    return None if first is None else first.alert_id


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
