"""Suspects: the changes that may have caused an incident, best first, each with its reasons."""

from dataclasses import dataclass

import numpy as np

from changes.calendar import CalendarView
from correlation.candidates import Candidates, gather, membership
from correlation.comparison import Comparison, compare, main_episode
from correlation.controls import contrast
from correlation.evidence import OWN, OWN_SERVICE, Evidence, Weighed, kind_fit, scores, weigh
from correlation.facts import Case
from correlation.history import History
from correlation.parameters import CorrelationParameters
from correlation.reasons import Told, span
from correlation.undeclared import Nature, nature
from models.alert import Reason, Suspect
from models.columns import Flags, Floats
from models.terms import SuspectVerdict
from models.times import HOUR_US, SECOND_US

MOST = 5
"""Suspects listed, apart from the excluded ones."""
_MOST_EXCLUDED = 3
_UNDECLARED, _NATURAL = 1.0, -1.5
"""Nats for a change that nobody declared, and for no change at all, beside the declared ones."""
_LEAST_WINDOWS = 3
_PROBABLE, _POSSIBLE = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who may have caused an incident, and what it looks like apart from that."""

    suspects: tuple[Suspect, ...]
    nature: Nature


def judge(case: Case, view: CalendarView, history: History, parameters: CorrelationParameters) -> tuple[Suspect, ...]:
    """The suspects of one incident by score, then `change_id`, then `owner`."""
    return assess(case, view, history, parameters).suspects


def assess(case: Case, view: CalendarView, history: History, parameters: CorrelationParameters) -> Judgement:
    """The same with the incident's nature: weather, a gap in the telemetry, a limit, the DCC's side, or like a User's change."""
    settle_us = parameters.settling_s * SECOND_US
    comparison = compare(case, history)
    candidates = gather(case, view, settle_us)
    evidence = _evidence(case, candidates, comparison, parameters)
    weighed = weigh(evidence)
    kind = nature(case, comparison)
    undeclared = _UNDECLARED if kind.like_a_change else -6.0
    shares, others = scores(weighed.total, np.array([undeclared, _NATURAL if kind.like_a_change else _NATURAL + 2.0]))
    verdicts = _verdicts(case, evidence, weighed, shares, comparison)
    told = Told(case, _kinds(case), candidates, evidence, weighed, _lasted(case))
    suspects = [_suspect(told, index, verdicts[index], float(shares[index]), kind) for index in _listed(candidates, verdicts, shares)]
    if kind.like_a_change and others[0] >= _POSSIBLE:
        suspects.append(_undeclared(case, kind, float(others[0]), comparison))
    return Judgement(tuple(sorted(suspects, key=_rank)), kind)


def _evidence(case: Case, candidates: Candidates, comparison: Comparison | None, parameters: CorrelationParameters) -> Evidence:
    main, count = main_episode(case), len(candidates.changes)
    kinds = _kinds(case)
    inside = outside_share = inside_share = delta = p_value = np.full(count, np.nan)
    if comparison is not None and count:
        found = contrast(membership(candidates.scopes, comparison.panel.units), comparison.moves, up=comparison.up)
        rows = candidates.scope_row
        inside, inside_share, outside_share = found.inside[rows], found.inside_share[rows], found.outside_share[rows]
        delta, p_value = found.delta[rows] * (1.0 if comparison.up else -1.0), found.p_value[rows]
    window_s = max(key.window_s for key in main.series)
    error_s = min(max(2.0 * window_s, 0.5 * (main.detected_us - main.onset_us) / SECOND_US), 900.0)
    return Evidence(
        tier=candidates.tier,
        coverage=candidates.coverage,
        lead_s=(case.onset_us - candidates.start_us) / SECOND_US,
        length_s=(candidates.end_us - candidates.start_us) / SECOND_US,
        settle_s=np.full(count, float(parameters.settling_s)),
        exact=candidates.exact,
        error_s=np.full(count, error_s),
        kind=np.array([kind_fit(change.category, kinds) for change in candidates.changes], np.float64),
        inside=inside,
        inside_share=inside_share,
        outside_share=outside_share,
        delta=delta,
        p_value=p_value,
    )


def _kinds(case: Case) -> tuple[str, ...]:
    """The kinds with which the incident began, in order of onset."""
    near = [episode for episode in case.own if episode.onset_us <= case.onset_us + HOUR_US // 2] or list(case.own)
    return tuple(dict.fromkeys(episode.kind for episode in near))


def _verdicts(case: Case, evidence: Evidence, weighed: Weighed, shares: Floats, comparison: Comparison | None) -> list[SuspectVerdict]:
    """`probable` takes size, timing, persistence and place at once; any one missing and it is `possible` at most."""
    gates: Flags = np.full(len(evidence), _large(case, comparison) and _persistent(case))
    gates &= np.isin(evidence.tier, (OWN_SERVICE, OWN)) & (evidence.lead_s >= -evidence.error_s)
    gates &= evidence.lead_s <= evidence.length_s + evidence.settle_s / 4.0
    gates &= ~(evidence.p_value > 0.05) & ~(evidence.delta <= 0) & (evidence.kind > -1.0)
    verdicts: list[SuspectVerdict] = []
    for index in range(len(evidence)):
        if weighed.vetoed[index]:
            verdicts.append("excluded")
        elif gates[index] and shares[index] >= _PROBABLE:
            verdicts.append("probable")
        else:
            verdicts.append("possible" if shares[index] >= _POSSIBLE else "coincident")
    return verdicts


def _large(case: Case, comparison: Comparison | None) -> bool:
    """Whether the trouble is of a size that nobody would call noise."""
    main = main_episode(case)
    if any(episode.serious for episode in case.own):
        return True
    moved = comparison is not None and bool((comparison.moves.affected(up=comparison.up) & comparison.own).any())
    return moved and not 0.77 <= main.ratio <= 1.3


def _persistent(case: Case) -> bool:
    """Whether it has lasted for some windows without coming and going."""
    main = main_episode(case)
    window_us = max(key.window_s for key in main.series) * SECOND_US
    until_us = case.ended_us if case.ended_us is not None else case.at_us
    return until_us - main.onset_us >= _LEAST_WINDOWS * window_us and main.flaps <= 3


def _lasted(case: Case) -> str:
    main = main_episode(case)
    until_us = case.ended_us if case.ended_us is not None else case.at_us
    text = f"It {'lasted' if case.ended_us is not None else 'has lasted'} {span((until_us - case.onset_us) / SECOND_US)}"
    return f"{text}, coming back {main.flaps} times." if main.flaps else f"{text} without a break."


def _listed(candidates: Candidates, verdicts: list[SuspectVerdict], shares: Floats) -> list[int]:
    order = sorted(range(len(verdicts)), key=lambda index: (-_shown(float(shares[index])), candidates.changes[index].change_id))
    kept = [index for index in order if verdicts[index] != "excluded"][:MOST]
    excluded = [index for index in order if verdicts[index] == "excluded" and candidates.tier[index] in (OWN_SERVICE, OWN)]
    return kept + excluded[:_MOST_EXCLUDED]


def _suspect(told: Told, index: int, verdict: SuspectVerdict, share: float, kind: Nature) -> Suspect:
    change = told.candidates.changes[index]
    reasons = told.reasons(index)
    if not kind.like_a_change:
        reasons += (Reason(code=kind.code, text=kind.text),)
    score = 0.0 if verdict == "excluded" else _shown(share)
    return Suspect(change_id=change.change_id, owner=change.owner, basis="declared", verdict=verdict, score=score, reasons=reasons)


def _undeclared(case: Case, kind: Nature, share: float, comparison: Comparison | None) -> Suspect:
    sure = share >= _PROBABLE and _large(case, comparison) and _persistent(case)
    verdict: SuspectVerdict = "probable" if sure else "possible"
    reasons = (
        Reason(code="undeclared", text=f"No declared change explains it as well as one of {case.origin_user}'s own that nobody declared."),
        Reason(code=kind.code, text=kind.text),
        Reason(code="persistence", text=_lasted(case)),
    )
    return Suspect(change_id=None, owner=case.origin_user, basis="undeclared", verdict=verdict, score=_shown(share), reasons=reasons)


def _shown(share: float) -> float:
    """Two decimals: what is less than that is no reason to put one suspect before another."""
    return round(share, 2)


def _rank(suspect: Suspect) -> tuple[float, str, str]:
    return (-suspect.score, suspect.change_id or "", suspect.owner or "")
