"""Code counts: the response codes of a finding's failures since it began."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.columns import ALERT_KINDS, Findings, Flags

_FAILURES = ALERT_KINDS.index("failures")
_NO_CODES: Mapping[str, int] = {}


class FailedCodes:
    """Counts codes of the series whose failures rise or have a finding; all others are removed."""

    def __init__(self) -> None:
        self._counts: dict[int, dict[str, int]] = {}

    def step(self, codes: Mapping[int, Mapping[str, int]], failing: Flags, findings: Findings) -> dict[int, dict[str, int]]:
        """One window's codes by series; the counts so far of each `failures` finding."""
        if not len(findings) and not np.count_nonzero(failing):
            self._counts = {}
            return {}
        kept, self._counts = self._counts, {}
        for series in failing.nonzero()[0].tolist():
            counts = self._counts[series] = kept.get(series) or {}
            for code, count in codes.get(series, _NO_CODES).items():
                counts[code] = counts.get(code, 0) + count
        failing = findings.series[findings.kind == _FAILURES].tolist()
        # A finding that ends in this window is no longer watched, but its last record still has its codes.
        return {series: dict(sorted((self._counts.get(series) or kept.get(series) or {}).items())) for series in failing}

    def pack(self) -> Any:
        """State as a tree."""
        return {str(series): dict(sorted(counts.items())) for series, counts in sorted(self._counts.items())}

    @classmethod
    def unpack(cls, tree: Mapping[str, Mapping[str, int]]) -> "FailedCodes":
        """Inverse of `pack`."""
        failed = cls()
        failed._counts = {int(series): dict(counts) for series, counts in tree.items()}
        return failed
