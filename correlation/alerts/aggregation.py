"""Aggregation: joins the findings of one alert, whatever their number and window lengths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from correlation.alerts.finding_rows import FindingRow
from models.columns import SeriesKey
from models.times import SECOND_US

_SUMMED = frozenset({"depth", "growth_per_s", "predicted_loss"})
_LEAST = frozenset({"age_limit_eta_s"})
_CAPACITY = ("capacity_eta_s", "capacity_eta_low_s", "capacity_eta_high_s")
_NEVER = 1e18
_LEAST_NATS = 5.0
"""What shows less evidence is about to end."""
_PER_WINDOW = frozenset({"storm", "drop", "silence", "failures", "drift", "stale"})


@dataclass(frozen=True, slots=True)
class Measures:
    """Sums in series order; the window is the shortest of the findings' windows."""

    observed: float
    expected: float
    ratio: float
    """1 if there is no expectation to compare with."""
    score: float
    evidence: Mapping[str, float]
    codes: Mapping[str, int]


def measures(kind: str, findings: Sequence[FindingRow]) -> Measures:
    """Over findings of one kind in series order; at least one."""
    shortest_s = min(finding.key.window_s for finding in findings)
    shares = [shortest_s / finding.key.window_s if kind in _PER_WINDOW else 1.0 for finding in findings]
    observed = sum(finding.observed * share for finding, share in zip(findings, shares, strict=True))
    expected = sum(finding.expected * share for finding, share in zip(findings, shares, strict=True))
    ratio = observed / expected if expected > 0 else 1.0
    evidence = _evidence(findings)
    if "ratio" in evidence:
        evidence["ratio"] = ratio
    if kind == "backlog":
        evidence["depth"] = observed
    return Measures(observed, expected, ratio, max(finding.score for finding in findings), evidence, _codes(findings))


def sure_series(findings: Sequence[FindingRow], at_us: int) -> tuple[SeriesKey, ...]:
    """Series whose finding is no chance of one window: it is in its second one and still has evidence; all of them where none is."""
    sure = tuple(row.key for row in findings if row.score >= _LEAST_NATS and at_us - row.detected_us >= row.key.window_s * SECOND_US)
    return sure or tuple(row.key for row in findings)


def _evidence(findings: Sequence[FindingRow]) -> dict[str, float]:
    """Depths and growths are added; of the other values the worst counts, and the interval of the queue that may be full first."""
    if len(findings) == 1:
        return dict(findings[0].evidence)
    together: dict[str, float] = {}
    for finding in findings:
        for name, value in finding.evidence.items():
            if name in _SUMMED:
                together[name] = together.get(name, 0.0) + value
            elif name in _LEAST:
                together[name] = min(together.get(name, value), value)
            elif name not in _CAPACITY:
                together[name] = max(together.get(name, value), value)
    fullest = min(findings, key=lambda finding: finding.evidence.get("capacity_eta_low_s", finding.evidence.get("capacity_eta_s", _NEVER)))
    return together | {name: fullest.evidence[name] for name in _CAPACITY if name in fullest.evidence}


def _codes(findings: Sequence[FindingRow]) -> dict[str, int]:
    together: dict[str, int] = {}
    for finding in findings:
        for code, count in finding.codes.items():
            together[code] = together.get(code, 0) + count
    return dict(sorted(together.items()))
