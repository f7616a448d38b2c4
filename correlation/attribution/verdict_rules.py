"""Verdict rules: all must hold before a suspect is called probable: size, timing, persistence, place, controls and cause class."""

from dataclasses import dataclass

import numpy as np

from correlation.attribution.candidates import Candidates
from correlation.attribution.cause_class import CauseClass
from correlation.attribution.scoring import OWN, OWN_SERVICE, CandidateFeatures, CandidateScores
from correlation.history.onset_comparison import Comparison, early, main_episode
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.change import Change
from models.columns import Flags, Floats
from models.times import SECOND_US
from models.vocabulary import SuspectVerdict

PROBABLE, POSSIBLE = 0.5, 0.1
"""Minimum scores for these verdicts."""
_LEAST_WINDOWS = 3
_MOST_FLAPS = 3
_SURE_P, _LEAST_MOVE = 0.05, float(np.log(1.3))
_LEAST_TIMING, _LEAST_FIT = 0.2, -0.7
"""Nats: an onset at no particular time of a long window, and a kind that the category rarely causes, are not enough."""


@dataclass(frozen=True, slots=True)
class CauseAnalysis:
    """One incident as far as it is understood, with its candidates; the arrays of `shares` have shape (candidates,)."""

    case: IncidentSnapshot
    comparison: Comparison | None
    nature: CauseClass
    candidates: Candidates
    evidence: CandidateFeatures
    weighed: CandidateScores
    shares: Floats
    may_be_network: bool = False
    """Whether devices or the network of a region may be behind it as well as its User."""

    def verdicts(self) -> list[SuspectVerdict]:
        """One verdict per candidate: `possible` at most if any rule fails; `excluded` with any veto; at most one `probable` per owner."""
        passed, vetoed = self._rules(), self.weighed.vetoed
        verdicts: list[SuspectVerdict] = [
            "excluded" if vetoed[index] else _verdict(share, passed=bool(passed[index])) for index, share in enumerate(self.shares.tolist())
        ]
        likeliest: dict[str, int] = {}
        for index in sorted((index for index, verdict in enumerate(verdicts) if verdict == "probable"), key=self._likelihood):
            if likeliest.setdefault(self.candidates.changes[index].owner, index) != index:
                verdicts[index] = "possible"
        return verdicts

    def _likelihood(self, index: int) -> tuple[float, float, str]:
        """Best first. Of an owner's changes with equal fit the one that was declared first counts: later claims do not hide it."""
        change = self.candidates.changes[index]
        declared_s = change.declared_at.timestamp() if change.declared_at is not None else 0.0
        return -round(float(self.shares[index]), 2), declared_s, change.change_id

    def _rules(self) -> Flags:
        evidence = self.evidence
        own_scope = np.isin(evidence.tier, (OWN_SERVICE, OWN))
        timing = (evidence.lead_s >= -evidence.error_s) & (self.weighed.terms["onset"] >= _LEAST_TIMING)
        moved = ~(evidence.p_value > _SURE_P) & ~(evidence.delta < _LEAST_MOVE)
        nature = np.array([may_cause(self.nature, change) for change in self.candidates.changes], np.bool_)
        return np.asarray(
            own_scope & timing & moved & nature & (evidence.kind > _LEAST_FIT) & self.is_clearly_abnormal() & persistent(self.case),
            np.bool_,
        )

    def is_clearly_abnormal(self) -> bool:
        """Whether the trouble is clearly larger than noise."""
        if any(episode.serious for episode in self.case.origin_alerts):
            return True
        compared = self.comparison
        moved = compared is not None and bool((compared.moves.affected(up=compared.up) & compared.own).any())
        return moved and not 0.77 <= main_episode(self.case).ratio <= 1.3


def _verdict(share: float, *, passed: bool) -> SuspectVerdict:
    if passed and share >= PROBABLE:
        return "probable"
    return "possible" if share >= POSSIBLE else "coincident"


def may_cause(nature: CauseClass, change: Change) -> bool:
    """Whether an incident of this class may be attributed to the change: weather to no change, a shared one to no User's."""
    if nature.code in ("weather", "telemetry"):
        return False
    return change.source != "user" or nature.code not in ("dcc_side", "shared", "throttled", "habit")


def persistent(case: IncidentSnapshot) -> bool:
    """Whether it has lasted for some windows without interruption.

    Any of the alerts that it began with may show that: one that comes a minute later is no reason to doubt what was sure before.
    """
    main = main_episode(case)
    until_us = case.ended_us if case.ended_us is not None else case.at_us
    return any(_lasted(one, until_us if one is main or one.ended_us is None else one.ended_us) for one in (main, *early(case)))


def _lasted(one: AlertSnapshot, until_us: int) -> bool:
    window_us = max(key.window_s for key in one.series) * SECOND_US
    return until_us - one.onset_us >= _LEAST_WINDOWS * window_us and one.flaps <= _MOST_FLAPS
