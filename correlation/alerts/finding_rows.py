"""Finding rows: each detector's finding at one series in one window, in canonical order whatever worker it came from."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

from models.columns import ALERT_KINDS, ENDED, Detected, Findings, SeriesKey

FindingId = tuple[str, SeriesKey]
"""Kind and series: the identity of a finding."""


class FindingRow(NamedTuple):
    """One row of `Findings`; units as there."""

    key: SeriesKey
    kind: str
    phase: int
    at_us: int
    began_us: int
    detected_us: int
    score: float
    observed: float
    expected: float
    serious: bool
    evidence: Mapping[str, float]
    codes: Mapping[str, int]
    refused: bool = False
    """Whether people refused as a habit what the series does at this time of day."""

    @property
    def finding_id(self) -> FindingId:
        """The identity of the finding."""
        return self.kind, self.key

    @property
    def ended(self) -> bool:
        """Whether the series became normal in this window."""
        return self.phase == ENDED


def finding_rows(detected: Sequence[Detected]) -> tuple[FindingRow, ...]:
    """All findings of one window end by series, then kind; resolutions and workers may come in any order and any split."""
    findings: list[FindingRow] = []
    for part in detected:
        findings += _rows(part.traffic, part.traffic_keys, part.at_us)
        findings += _rows(part.queues, part.queue_keys, part.at_us)
    findings.sort(key=lambda finding: (finding.key, ALERT_KINDS.index(finding.kind)))
    return tuple(findings)


def _rows(findings: Findings, keys: tuple[SeriesKey, ...], at_us: int) -> list[FindingRow]:
    if not len(findings):
        return []
    names = sorted(findings.evidence)
    columns = zip(*(findings.evidence[name].tolist() for name in names), strict=True) if names else ((),) * len(findings)
    plain = zip(
        findings.series.tolist(),
        findings.kind.tolist(),
        findings.phase.tolist(),
        findings.began_us.tolist(),
        findings.detected_us.tolist(),
        findings.score.tolist(),
        findings.observed.tolist(),
        findings.expected.tolist(),
        findings.serious.tolist(),
        columns,
        strict=True,
    )
    return [
        FindingRow(
            keys[series],
            ALERT_KINDS[kind],
            phase,
            at_us,
            began_us,
            detected_us,
            score,
            observed,
            expected,
            serious,
            {name: value for name, value in zip(names, values, strict=True) if isfinite(value)},
            findings.codes.get(series, {}) if ALERT_KINDS[kind] == "failures" else {},
            (kind, series) in findings.refused,
        )
        for series, kind, phase, began_us, detected_us, score, observed, expected, serious, values in plain
    ]
