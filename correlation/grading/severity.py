"""Severity: whether an alert may wait (`info`), should be looked at (`warning`) or must be (`critical`)."""

from collections.abc import Callable
from dataclasses import dataclass

from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.rounding import round_significant
from models.vocabulary import EnvelopePosition, Severity


@dataclass(frozen=True, slots=True)
class SeverityInputs:
    """The context of an alert besides its own measures."""

    envelope: EnvelopePosition
    declared_after_onset: bool
    """Whether the change of its envelope was declared only after it had begun."""
    affected: int
    """Other Users whose traffic suffers from it."""
    collateral: bool
    """Whether it is itself an effect of another User's incident."""
    weather: bool
    """Whether it looks like weather or a power cut."""
    habit: Callable[[], bool]
    """Whether its User did the same about this hour on other days; a week of hours is read for it, so it is asked last."""
    share: float
    """Messages too many or too few, relative to all that is expected for everyone."""


def severity(episode: AlertSnapshot, bearing: SeverityInputs, parameters: CorrelationParameters) -> Severity:
    """By the contract's rules: a declaration lowers the severity of its own effect, but never of harm to others or of a coming loss."""
    never_info = bearing.affected > 0 or bearing.collateral or in_sight(episode, parameters)
    quiet = bearing.envelope == "within" and not bearing.declared_after_onset
    # Whoever declared an effect speaks of these messages: what goes beyond it is no weather, though it may look like it.
    weather = bearing.weather and bearing.envelope != "beyond"
    if not never_info and (quiet or not episode.serious or harmless(episode, weather=weather) or bearing.habit()):
        return "info"
    return "critical" if _critical(episode, bearing, parameters) else "warning"


def harmless(episode: AlertSnapshot, *, weather: bool) -> bool:
    """Weather and a lasting new level: they are reported, but need no immediate action."""
    return episode.kind == "drift" or (episode.kind == "storm" and (episode.user is None or weather))


def in_sight(episode: AlertSnapshot, parameters: CorrelationParameters) -> bool:
    """Whether a queue's capacity or the age limit of its messages will be reached soon."""
    return _full_within(episode, parameters.capacity_sight_s) or _within(episode, "age_limit_eta_s", parameters.age_sight_s)


def _critical(episode: AlertSnapshot, bearing: SeverityInputs, parameters: CorrelationParameters) -> bool:
    if episode.kind == "stale":
        return episode.user is None and episode.region is None
    if _full_within(episode, parameters.capacity_critical_s) or _within(episode, "age_limit_eta_s", parameters.age_critical_s):
        return True
    if bearing.collateral:
        return False
    deep = episode.evidence.get("depth", 0.0) >= parameters.critical_depth
    return deep or bearing.affected >= parameters.critical_users or bearing.share >= parameters.critical_share


def _full_within(episode: AlertSnapshot, limit_s: float) -> bool:
    """By the estimate, not by the low end of its interval, which has no meaning while a queue has just begun to grow."""
    return _within(episode, "capacity_eta_s" if "capacity_eta_s" in episode.evidence else "capacity_eta_low_s", limit_s)


def _within(episode: AlertSnapshot, name: str, limit_s: float) -> bool:
    return name in episode.evidence and round_significant(episode.evidence[name]) <= limit_s
