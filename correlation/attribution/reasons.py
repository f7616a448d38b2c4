"""Reasons: each piece of evidence for or against a suspect, in a sentence for the triage desk."""

from dataclasses import dataclass

import numpy as np

from correlation.attribution.candidates import Candidates
from correlation.attribution.scoring import (
    ABNORMAL_BEFORE,
    CONTROLS_MOVED,
    LONG_OVER,
    OWN,
    OWN_SERVICE,
    SCOPE_UNTOUCHED,
    CandidateFeatures,
    CandidateScores,
)
from correlation.phrases import figure, span
from correlation.snapshots import IncidentSnapshot
from models.alert import Reason
from models.change import Change
from models.times import us

_CATEGORY_WORDS = {
    "planned_maintenance": "planned maintenance",
    "internal_system": "a change of internal systems",
    "release": "a release",
    "firmware": "a firmware change",
    "network": "a network change",
    "firewall": "a firewall change",
    "meter_data_management": "a meter-data-management change",
    "tariff": "a tariff change",
    "schedule": "a change of schedules",
    "migration": "a migration",
    "bcdr_test": "a BCDR test",
    "emergency": "an emergency change",
    "other": "a change of this category",
}
_KIND_WORDS = {
    "storm": "a message storm",
    "backlog": "a growing backlog",
    "silence": "silence",
    "drop": "a drop in traffic",
    "failures": "failures",
    "drift": "a lasting new level",
    "stale": "missing reports",
}

_RARE = 0.01
_MAX_STATED = np.log(1000.0)
"""A log ratio beyond which a factor only means that almost nothing is left, or was there."""


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """The material of the sentences about one incident's candidates."""

    case: IncidentSnapshot
    kinds: tuple[str, ...]
    candidates: Candidates
    evidence: CandidateFeatures
    weighed: CandidateScores
    lasted: str
    """The sentence about persistence."""

    def reasons(self, index: int) -> tuple[Reason, ...]:
        """Vetoes first, then the terms in fixed order."""
        change = self.candidates.changes[index]
        reasons: list[Reason | None] = [*self._vetoes(index), self._scope(index, change), self._onset(index), self._kind(index, change)]
        reasons += [self._share(index), self._controls(index), Reason(code="persistence", text=self.lasted), self._late(index, change)]
        return tuple(reason for reason in reasons if reason is not None)

    def _vetoes(self, index: int) -> list[Reason]:
        evidence, texts = self.evidence, dict[str, str]()
        texts[ABNORMAL_BEFORE] = f"Ruled out: the traffic was abnormal {span(-evidence.lead_s[index])} before the change began."
        texts[LONG_OVER] = f"Ruled out: the change had been over for {span(evidence.lead_s[index] - evidence.length_s[index])}."
        if self.weighed.vetoes[CONTROLS_MOVED][index]:
            outside = _percent(evidence.outside_share[index])
            texts[CONTROLS_MOVED] = (
                f"Ruled out: {outside} of the traffic outside its scope changed in the same way, so the cause is shared."
            )
        if self.weighed.vetoes[SCOPE_UNTOUCHED][index]:
            untouched = _percent(1.0 - evidence.inside_share[index])
            texts[SCOPE_UNTOUCHED] = f"Ruled out: {untouched} of its scope is unaffected."
        return [Reason(code=code, text=texts[code]) for code, flags in self.weighed.vetoes.items() if flags[index]]

    def _scope(self, index: int, change: Change) -> Reason:
        tier = int(self.evidence.tier[index])
        whose = f"at {self.case.origin_user}" if self.case.origin_user else "where the trouble is"
        if tier == OWN_SERVICE:
            text = f"The change is {whose} and names the traffic that is abnormal."
        elif tier == OWN:
            text = f"The change is {whose}; it names no particular traffic."
        elif self.evidence.coverage[index] > 0:
            text = f"The change of {change.owner} covers many Users or a whole region, including this traffic."
        else:
            text = f"The change is by {change.owner}, but the traffic that is abnormal is not in its declared scope."
        return Reason(code="scope", text=text)

    def _onset(self, index: int) -> Reason:
        lead_s, length_s = float(self.evidence.lead_s[index]), float(self.evidence.length_s[index])
        start = "start" if self.evidence.exact[index] else "planned start"
        if lead_s < 0:
            text = f"The trouble began {span(lead_s)} before its {start}."
        elif lead_s <= length_s:
            text = f"The trouble began {span(lead_s)} after its {start}, while it was in progress."
        else:
            text = f"The trouble began {span(lead_s - length_s)} after its end."
        return Reason(code="onset", text=text)

    def _kind(self, index: int, change: Change) -> Reason:
        nats = float(self.evidence.kind[index])
        category = _CATEGORY_WORDS[change.category]
        shown = " and ".join(_KIND_WORDS[kind] for kind in self.kinds[:2])
        fits = "often" if nats >= 0.8 else "sometimes" if nats > 0.1 else "seldom" if nats < -0.1 else ""
        text = (
            f"{category[:1].upper()}{category[1:]} {fits} brings {shown}."
            if fits
            else f"{category} has no typical connection with {shown}."
        )
        return Reason(code="kind", text=text[:1].upper() + text[1:])

    def _share(self, index: int) -> Reason | None:
        inside = self.evidence.inside[index]
        if not inside >= 2:
            return None
        count = round(float(self.evidence.inside_share[index] * inside))
        return Reason(code="share", text=f"{count} of {round(float(inside))} parts of its scope changed in this way.")

    def _controls(self, index: int) -> Reason | None:
        delta, p = float(self.evidence.delta[index]), float(self.evidence.p_value[index])
        if np.isnan(delta) or np.isnan(p):
            return None
        factor = figure(float(np.exp(abs(delta)))) if abs(delta) <= _MAX_STATED else "more than 1,000"
        outside = float(self.evidence.outside_share[index])
        chance = f"Chance of coincidence: {'under 1' if p < _RARE else round(100 * p)} %."
        if delta <= 0 or p > 0.2:
            against = "the Users outside its scope" if outside >= 0 else "its own history"
            return Reason(code="controls", text=f"Compared with {against}, its traffic did not change unusually. {chance}")
        if not outside >= 0:
            return Reason(code="controls", text=f"Its traffic changed by a factor of {factor}, compared with its own history. {chance}")
        others = f"{_percent(outside)} of other Users' traffic changed too." if round(100 * outside) > 0 else "Other Users did not change."
        text = f"Its traffic changed by a factor of {factor}. {others} {chance}"
        return Reason(code="controls", text=text)

    def _late(self, index: int, change: Change) -> Reason | None:
        if change.declared_at is None:
            return None
        late_us = us(change.declared_at) - int(self.candidates.start_us[index])
        return Reason(code="declared_late", text=f"It was declared {span(late_us / 1e6)} after it began.") if late_us > 0 else None


def _percent(share: float) -> str:
    return f"{round(100 * float(share))} %"
