"""Suspects: the changes that may have caused an incident, best first, each with its reasons."""

from dataclasses import dataclass

import numpy as np

from changes.calendar import CalendarView
from correlation.attribution.candidates import Candidates, gather, membership
from correlation.attribution.cause_class import CauseClass, classify
from correlation.attribution.network_trouble import may_be_network
from correlation.attribution.reasons import ReasonTexts
from correlation.attribution.scoring import OWN, OWN_SERVICE, SHARED, CandidateFeatures, kind_fit, score, scores
from correlation.attribution.verdict_rules import POSSIBLE, PROBABLE, CauseAnalysis, persistent
from correlation.history.difference_in_differences import difference_in_differences
from correlation.history.onset_comparison import Comparison, compare, early, main_episode
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from correlation.phrases import span
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import Reason, Suspect
from models.columns import Ints
from models.times import SECOND_US
from models.vocabulary import SUSPECTED, SuspectVerdict

MOST = 5
"""Number of suspects in the list, without the excluded ones."""
_MOST_EXCLUDED, _MOST_OF_OWNER = 3, 3
_UNDECLARED, _UNSEEN, _UNLIKELY = 2.5, -3.0, -6.0
"""Nats for an undeclared change: if the incident looks like one, if the counts hardly moved, and if it does not look like one."""
_NATURAL = {
    "user_change": -1.5,
    "gradual": 0.0,
    "shared": 2.0,
    "habit": 2.5,
    "throttled": 2.0,
    "dcc_side": 2.5,
    "telemetry": 2.5,
    "weather": 4.0,
}
"""Nats for no change at all, by the cause class of the incident."""
_LEAST_DUE = 30.0
"""Messages since the onset below which a User is not suspected of an undeclared change."""
_MOST_OF_ALL = 0.6
"""Share of a scope of everyone that must be affected before such a change counts as being at the place of the trouble."""


@dataclass(frozen=True, slots=True)
class CauseAssessment:
    """Who may have caused an incident, and its cause class."""

    suspects: tuple[Suspect, ...]
    nature: CauseClass


def assess_cause(case: IncidentSnapshot, view: CalendarView, history: History, parameters: CorrelationParameters) -> CauseAssessment:
    """The suspects of one incident by score, then `change_id`, then `owner`, and the incident's cause class.

    The class is weather, a gap in the telemetry, a limit, the DCC's side, or like a User's change.
    """
    comparison = compare(case, history)
    candidates = gather(case, view, parameters.settling_s * SECOND_US)
    evidence = _evidence(case, candidates, comparison, parameters)
    weighed, kind = score(evidence), classify(case, comparison, history)
    undeclared = (_UNDECLARED if _moved(comparison) else _UNSEEN) if kind.like_a_change else _UNLIKELY
    shares, (unknown, _) = scores(
        weighed.total, np.array([undeclared, _NATURAL[kind.code]]), [change.owner for change in candidates.changes]
    )
    scene = CauseAnalysis(case, comparison, kind, candidates, evidence, weighed, shares, may_be_network(case, history))
    suspects = _declared(scene)
    if kind.like_a_change and unknown >= POSSIBLE:
        suspects.append(_undeclared(scene, float(unknown)))
    return CauseAssessment(tuple(sorted(suspects, key=_rank)), kind)


def _evidence(
    case: IncidentSnapshot, candidates: Candidates, comparison: Comparison | None, parameters: CorrelationParameters
) -> CandidateFeatures:
    main, count, kinds = main_episode(case), len(candidates.changes), _kinds(case)
    inside = outside_share = inside_share = delta = p_value = np.full(count, np.nan)
    if comparison is not None and count:
        scopes = membership(candidates.scopes, comparison.panel.units)
        comparison_with_others = difference_in_differences(
            scopes, comparison.moves, up=comparison.up, moved_alike=comparison.moved_alike, near=comparison.near
        )
        rows = candidates.scope_row
        inside, inside_share, outside_share = (
            comparison_with_others.inside[rows],
            comparison_with_others.inside_share[rows],
            comparison_with_others.outside_share[rows],
        )
        delta, p_value = comparison_with_others.delta[rows] * (1.0 if comparison.up else -1.0), comparison_with_others.p_value[rows]
    onset_us, error_s = _onset(main, comparison)
    return CandidateFeatures(
        tier=_tier(candidates, inside_share),
        coverage=candidates.coverage,
        lead_s=(onset_us - candidates.start_us) / SECOND_US,
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


def _moved(comparison: Comparison | None) -> bool:
    """Whether the counts show the detector's finding, as far as they are known."""
    return comparison is None or bool((comparison.moves.affected(up=comparison.up) & comparison.own & comparison.near).any())


def _tier(candidates: Candidates, inside_share: np.ndarray) -> Ints:
    """A change for everyone is at the place of the trouble only if most Users are in trouble."""
    everyone = np.array([candidates.scopes[row][0] is None for row in candidates.scope_row.tolist()], np.bool_)
    vague = everyone & (candidates.tier <= OWN) & ~(inside_share >= _MOST_OF_ALL)
    return np.where(vague, SHARED, candidates.tier)


def _onset(main: AlertSnapshot, comparison: Comparison | None) -> tuple[int, float]:
    """When it began, and the possible error in seconds: one bin if the counts show it, else the detector's estimate."""
    window_s = float(max(key.window_s for key in main.series))
    if comparison is not None and comparison.sharp:
        return comparison.onset_us, max(window_s, comparison.onset_bin_us / SECOND_US)
    return main.onset_us, min(max(2.0 * window_s, 0.5 * (main.detected_us - main.onset_us) / SECOND_US), 900.0)


def _kinds(case: IncidentSnapshot) -> tuple[str, ...]:
    """The kinds with which the incident began, the most significant first, then in order of onset."""
    first = main_episode(case)
    return tuple(dict.fromkeys(one.kind for one in (first, *sorted(early(case), key=lambda one: (one.onset_us, one.alert_id)))))


def _lasted(case: IncidentSnapshot) -> str:
    main = main_episode(case)
    until_us = case.ended_us if case.ended_us is not None else case.at_us
    text = f"It {'lasted' if case.ended_us is not None else 'has lasted'} {span((until_us - main.onset_us) / SECOND_US)}"
    return f"{text}, coming back {main.flaps} times." if main.flaps else f"{text} without a break."


def _declared(scene: CauseAnalysis) -> list[Suspect]:
    """The best candidates, and the nearest of the excluded ones that a reader would ask about."""
    verdicts, candidates = scene.verdicts(), scene.candidates
    reason_texts = ReasonTexts(scene.case, _kinds(scene.case), candidates, scene.evidence, scene.weighed, _lasted(scene.case))

    def ids(index: int) -> tuple[str, str]:
        return candidates.changes[index].change_id, candidates.changes[index].owner

    order = sorted(range(len(verdicts)), key=lambda index: (verdicts[index] != "probable", -_shown(float(scene.shares[index])), ids(index)))
    kept = _of_each_owner([index for index in order if verdicts[index] != "excluded"], candidates)[:MOST]
    own = [index for index in order if verdicts[index] == "excluded" and candidates.tier[index] in (OWN_SERVICE, OWN)]
    excluded = sorted(own, key=lambda index: (abs(float(scene.evidence.lead_s[index])), ids(index)))[:_MOST_EXCLUDED]
    return [_suspect(scene, reason_texts, index, verdicts[index]) for index in (*kept, *excluded)]


def _of_each_owner(order: list[int], candidates: Candidates) -> list[int]:
    """The first few of each owner, then the others: an owner with many changes can't displace other owners."""
    count: dict[str, int] = {}
    first: list[int] = []
    rest: list[int] = []
    for index in order:
        owner = candidates.changes[index].owner
        count[owner] = count.get(owner, 0) + 1
        (first if count[owner] <= _MOST_OF_OWNER else rest).append(index)
    return first + rest


def _suspect(scene: CauseAnalysis, reason_texts: ReasonTexts, index: int, verdict: SuspectVerdict) -> Suspect:
    change = scene.candidates.changes[index]
    reasons = reason_texts.reasons(index)
    if not scene.nature.like_a_change:
        reasons += (Reason(code=scene.nature.code, text=scene.nature.text),)
    rivals = sum(
        other != index and scene.candidates.changes[other].owner == change.owner and 2 * share >= scene.shares[index]
        for other, share in enumerate(scene.shares.tolist())
    )
    if rivals and verdict in SUSPECTED:
        reasons += (
            Reason(code="same_owner", text=f"{change.owner} declared {_others(rivals)} that fit{'' if rivals > 1 else 's'} about as well."),
        )
    score = 0.0 if verdict == "excluded" else _shown(float(scene.shares[index]))
    return Suspect(change_id=change.change_id, owner=change.owner, basis="declared", verdict=verdict, score=score, reasons=reasons)


def _others(count: int) -> str:
    return "another change" if count == 1 else f"{count} other changes"


def suspects_of_alert(suspects: tuple[Suspect, ...], user: str | None, origin_user: str | None, view: CalendarView) -> tuple[Suspect, ...]:
    """The suspects of an incident that may be suspected at one of its alerts; the same tuple if that is all.

    A User-led change is the claim of one party: it may be suspected at its owner, and through an incident that begins there at the others.
    """
    kept = tuple(one for one in suspects if not _is_elsewhere(one, user, origin_user, view))
    return suspects if len(kept) == len(suspects) else kept


def _is_elsewhere(suspect: Suspect, user: str | None, origin_user: str | None, view: CalendarView) -> bool:
    change = view.by_key.get(suspect.key or "")
    return change is not None and change.source == "user" and change.owner not in (user, origin_user)


def _undeclared(scene: CauseAnalysis, share: float) -> Suspect:
    """Probable only if other Users' traffic (in the same region if it has one) shows that the trouble was this User's alone."""
    case, compared = scene.case, scene.comparison
    alone = compared is not None and bool((compared.moves.known & ~compared.own & compared.near).any())
    serious = any(episode.serious for episode in case.origin_alerts)
    sure = share >= PROBABLE and alone and serious and persistent(case) and _due(compared) >= _LEAST_DUE and not scene.may_be_network
    reasons = (
        Reason(code="undeclared", text=f"No declared change explains it as well as one of {case.origin_user}'s own that nobody declared."),
        Reason(code=scene.nature.code, text=scene.nature.text),
        Reason(code="persistence", text=_lasted(case)),
    )
    verdict: SuspectVerdict = "probable" if sure else "possible"
    return Suspect(change_id=None, owner=case.origin_user, basis="undeclared", verdict=verdict, score=_shown(share), reasons=reasons)


def _due(comparison: Comparison | None) -> float:
    """Messages expected at the own units since the onset, or observed if that is more; a queue's depth counts in the same way."""
    if comparison is None:
        return 0.0
    span = slice(comparison.first, comparison.stop)
    panel, own = comparison.panel, comparison.own & comparison.near
    return float(max(panel.expected[span][:, own].sum(), panel.observed[span][:, own].sum()))


def _shown(share: float) -> float:
    """Two decimals: a smaller difference is no reason to rank one suspect before another."""
    return round(share, 2)


def _rank(suspect: Suspect) -> tuple[float, str, str]:
    return (-suspect.score, suspect.change_id or "", suspect.owner or "")
