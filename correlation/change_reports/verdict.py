"""Verdicts of change reports: the effect of a change, judged from its effects, the alerts attributed to it, and its declaration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from correlation.change_reports.effects import ScopeEffects, SeriesEffect
from correlation.change_reports.timekeeping import Times, kept_times
from correlation.grading.declared_effect import SLACK, declared_factor
from correlation.phrases import span
from models.change import Change, ExpectedEffect
from models.columns import SeriesKey
from models.vocabulary import ReportVerdict

_LEAST_SEEN = 0.5
"""Minimum observed share of the change's time for a verdict."""
_LEAST_MESSAGES = 20.0
"""Minimum expected messages in the scope for the verdict that nothing happened."""
_CAME = 0.3
"""Share of the declared rise or dip from which on it counts as present."""
LIKELY = 0.6
"""Score from which an alert that a change may have caused indicates an impact; with a lower score the verdict stays open."""
_STRONG_Z = 6.0
_CHANCE_SHARE = 0.03


@dataclass(slots=True)
class AlertTrace:
    """The facts of one alert that are kept until all changes of its time have their reports."""

    alert_id: str
    kind: str
    user: str
    """Empty for the alert of a region or of everyone."""
    onset_us: int
    ended_us: int | None
    last_us: int
    blamed: dict[str, float] = field(default_factory=dict)
    """Key of the change → score of the suspects that triage last saw as probable or possible."""
    own_blamed: dict[str, float] = field(default_factory=dict)
    """The same in the User's own copy."""
    within: list[str] = field(default_factory=list)
    """Changes whose declared effect covered it; `beyond` are those that it exceeded."""
    beyond: list[str] = field(default_factory=list)
    incident_id: str = ""
    at_origin: bool = True
    """Whether its incident began at its User, or at no single User."""
    window_s: int = 60
    series: list[SeriesKey] = field(default_factory=list)
    """Sorted; the traffic of the alert."""

    def with_keys(self, keys_by_id: Mapping[str, str]) -> "AlertTrace":
        """The same with full keys for changes that an earlier release identified by their `change_id` alone."""
        self.blamed = {keys_by_id.get(key, key): score for key, score in self.blamed.items()}
        self.own_blamed = {keys_by_id.get(key, key): score for key, score in self.own_blamed.items()}
        self.within = [keys_by_id.get(key, key) for key in self.within]
        self.beyond = [keys_by_id.get(key, key) for key in self.beyond]
        return self


@dataclass(frozen=True, slots=True)
class Touching:
    """An incident of another cause in a change's own scope, as named in a report."""

    incident_id: str
    text: str
    """`I-1 at SUP-01`."""


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All facts of a report's verdict."""

    change: Change
    start_us: int
    end_us: int
    measured: ScopeEffects
    traces: tuple[AlertTrace, ...]
    """Alerts that the change caused, or that its declared effect covers."""
    elsewhere: frozenset[str]
    """Users with an alert at that time that has another explanation: the movement of their traffic shows no effect of this change."""
    blame: float
    """The highest score with which an alert was attributed to it; 0 for none."""
    beyond: bool
    touching: tuple[Touching, ...] = ()
    """Incidents of another cause in its own scope, in its time."""
    suffered: int = 0
    """Other Users that suffered from the incidents that it probably caused."""
    key: str = ""
    """The name of the change in the alert traces."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A report's answer."""

    verdict: ReportVerdict
    score: float
    """How certain it is that traffic moved because of the change, 0 to 1."""
    overran_s: float
    started_early_s: float
    declared_late_s: float
    summary: str
    goes_on: tuple[str, ...] = ()
    """Alerts of its own effect that are open past its planned end: it is judged again when they are over."""


def decide(facts: ReportInputs) -> Verdict:
    """The verdict, the deviations from the planned times, and one sentence."""
    moved = [one for one in facts.measured.series if one.moved]
    verdict = _verdict(facts, moved)
    disturbed = bool(facts.touching) and verdict in ("no_impact", "absent", "inconclusive")
    if disturbed:
        verdict = "inconclusive"
    times = kept_times(facts.change, facts.key, facts.start_us, facts.traces)
    early_s, overran_s, late_s = times.started_early_s, times.overran_s, times.declared_late_s
    strength = max((abs(one.z) for one in moved if one.key.user not in facts.elsewhere), default=0.0)
    score = max(facts.blame, 1.0 - float(np.exp(-strength / 8.0)))
    text = _sentence(facts, verdict, moved) + _kept(times)
    return Verdict(verdict, round(score, 2), overran_s, early_s, late_s, text, times.goes_on)


def _verdict(facts: ReportInputs, moved: Sequence[SeriesEffect]) -> ReportVerdict:
    due = sum(one.expected for one in facts.measured.series)
    if facts.beyond or (facts.blame >= LIKELY and not _foreseen(facts)):
        return "impact"
    if facts.measured.coverage < _LEAST_SEEN:
        return "inconclusive"
    expected = facts.change.expected
    if expected is not None:
        return _declared(facts, expected, moved)
    if facts.blame > 0:
        return "inconclusive"
    if _enough([one for one in moved if one.key.user not in facts.elsewhere], facts):
        return "impact"
    return "no_impact" if due >= _LEAST_MESSAGES else "inconclusive"


def _foreseen(facts: ReportInputs) -> bool:
    """Whether the change declared every alert that is attributed to it."""
    return all(facts.change.key in trace.within for trace in facts.traces)


def _declared(facts: ReportInputs, expected: ExpectedEffect, moved: Sequence[SeriesEffect]) -> ReportVerdict:
    foreseen = [one for one in facts.measured.series if one.foreseen]
    if _enough([one for one in moved if not one.foreseen and one.key.user not in facts.elsewhere], facts):
        return "impact"
    if sum(one.expected for one in foreseen) < _LEAST_MESSAGES:
        return "inconclusive"
    if not facts.traces and not any(_came(one, expected) for one in foreseen):
        return "absent"
    return "impact" if _exceeded(foreseen, expected) else "as_expected"


def _came(one: SeriesEffect, expected: ExpectedEffect) -> bool:
    factor = declared_factor(expected)
    if expected.effect == "up":
        return one.peak >= 1.0 + _CAME * (factor - 1.0) and one.expected >= 1.0
    return one.peak <= 1.0 - _CAME * (1.0 - factor) and one.expected >= 5.0


def _exceeded(foreseen: Sequence[SeriesEffect], expected: ExpectedEffect) -> bool:
    observed, due = sum(one.observed for one in foreseen), sum(one.expected for one in foreseen)
    factor = declared_factor(expected)
    return observed > SLACK * factor * due if expected.effect == "up" else observed * SLACK < factor * due


def _enough(moved: Sequence[SeriesEffect], facts: ReportInputs) -> bool:
    """Whether so much moved, and so strongly, that chance in a large scope does not explain it."""
    strong = sum(_strong(one) for one in moved)
    return strong > _CHANCE_SHARE * len(facts.measured.series)


def _strong(one: SeriesEffect) -> bool:
    return abs(one.z) >= _STRONG_Z and abs(one.delta) >= np.log(1.3) and one.expected >= _LEAST_MESSAGES


def _sentence(facts: ReportInputs, verdict: ReportVerdict, moved: Sequence[SeriesEffect]) -> str:
    change_id, alerts = facts.change.change_id, len(facts.traces)
    named = f"{alerts} alert{'s' if alerts != 1 else ''}"
    if verdict == "inconclusive" and facts.touching:
        return f"{change_id} can't be judged: {' and '.join(one.text for one in facts.touching)} disturbed the traffic in its scope."
    if verdict == "impact" and alerts:
        others = f" {facts.suffered} other User{'s' if facts.suffered > 1 else ''} suffered." if facts.suffered else ""
        return f"{change_id} is likely behind {named}{' and went beyond what it declared' if facts.beyond else ''}.{others}"
    if verdict == "impact":
        return f"The traffic in the scope of {change_id} moved during it: {_strongest(moved)}."
    if verdict == "as_expected":
        return f"{change_id} did what it declared{f' ({named})' if alerts else ''}."
    if verdict == "absent":
        return f"{change_id} declared an effect, but no effect was seen: did it happen?"
    if verdict == "no_impact":
        return f"No effect of {change_id} on the traffic in its scope was seen."
    if alerts and facts.blame > 0:
        return f"{change_id} may be behind {named}, but other explanations are as likely."
    return f"Too little is known of the traffic in the scope of {change_id} to judge it."


def _strongest(moved: Sequence[SeriesEffect]) -> str:
    one = max(moved, key=lambda one: (abs(one.z), one.key))
    what = " ".join(part for part in (one.key.user, one.key.message_class, one.key.service, one.key.region) if part)
    return f"{what} carried {np.exp(min(one.delta, 9.0)):.3g} times what was to be expected"


def _kept(times: Times) -> str:
    overran = "it still goes on, {} after its planned end" if times.goes_on else "it went on for {} after its planned end"
    reasons = [
        (times.started_early_s, "it began {} early"),
        (times.overran_s, overran),
        (times.declared_late_s, "it was declared {} after it began"),
    ]
    parts = [text.format(span(seconds)) for seconds, text in reasons if seconds > 0]
    sentence = "; ".join(parts)
    return f" {sentence[:1].upper()}{sentence[1:]}." if parts else ""
