"""Region alerts: an event in a whole region or at everyone is one alert, not one alert per User."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from correlation.alerts.finding_rows import FindingRow
from correlation.alerts.grouping import AlertGroups, GroupKey
from correlation.parameters import CorrelationParameters
from models.columns import Detected, Flags, Ints, Pulse
from models.vocabulary import ALERT_CLASSES

_RISEN, _SURE = 1.5, 4.0
"""A User's device alerts are part of a region's rise from this ratio and this number of standard deviations on."""
_TOGETHER = 0.3
_MISSING = 0.9
_Name = TypeVar("_Name")


def is_device_alert_storm(finding: FindingRow) -> bool:
    """Whether this is a storm of device or DCC alerts."""
    return finding.kind == "storm" and finding.key.message_class in ALERT_CLASSES


class RegionAlerts:
    """Which region-wide alerts this window's findings make; an open one stays until its last finding ends."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self._parts: dict[int, _Parts] = {}

    def scopes(self, findings: Sequence[FindingRow], detected: Sequence[Detected], ledger: AlertGroups) -> frozenset[GroupKey]:
        """The region-wide alerts of this window, including open ones."""
        scopes = {key for key, group in ledger.groups.items() if not key[1] and group.ended_us is None}
        rising = [finding for finding in findings if is_device_alert_storm(finding) and not finding.ended]
        if rising:
            scopes.update(self._weather(rising, detected))
        stale = [finding for finding in findings if finding.kind == "stale" and not finding.ended]
        if stale:
            scopes.update(self._missing(stale, detected))
        return frozenset(scopes)

    def _weather(self, rising: list[FindingRow], detected: Sequence[Detected]) -> Iterable[GroupKey]:
        for region in sorted({finding.key.region for finding in rising}):
            users = {finding.key.user for finding in rising if finding.key.region == region}
            codes = {finding.key.service for finding in rising if finding.key.region == region}
            known: set[str] = set()
            for part in detected:
                parts = self._of(part.pulse)
                index = parts.alerts_of(region, codes)
                if len(index):
                    known |= {parts.users[i] for i in index}
                    users |= {parts.users[i] for i in index[_risen(part.pulse, index)]}
            least = max(2, min(self._parameters.region_users, len(known)))
            if len(users) >= least and len(users) >= _TOGETHER * len(known):
                yield ("storm", "", region)

    def _missing(self, stale: list[FindingRow], detected: Sequence[Detected]) -> Iterable[GroupKey]:
        windows = {finding.key.window_s for finding in stale}
        pulses = [part.pulse for part in detected if part.window_s in windows]
        if self._silent(pulses, None):
            return [("stale", "", "")]
        regions = sorted({finding.key.region for finding in stale if finding.key.region})
        return [("stale", "", region) for region in regions if self._silent(pulses, region)]

    def _silent(self, pulses: list[Pulse], region: str | None) -> bool:
        """Whether almost no report of several Users came."""
        users: set[str] = set()
        total = missing = 0
        for pulse in pulses:
            parts = self._of(pulse)
            index = parts.regions.get(region, parts.none) if region is not None else parts.all
            users |= {parts.users[i] for i in index}
            total += len(index)
            missing += len(index) - int(np.count_nonzero(pulse.reported[index]))
        return len(users) >= 2 and missing >= _MISSING * total

    def _of(self, pulse: Pulse) -> "_Parts":
        parts = self._parts.get(pulse.window_s)
        if parts is None or parts.groups is not pulse.groups:
            parts = self._parts[pulse.window_s] = _Parts(pulse)
        return parts


class _Parts:
    """The index of each region's groups in a pulse."""

    def __init__(self, pulse: Pulse) -> None:
        self.groups = pulse.groups
        self.users = tuple(group.user for group in pulse.groups)
        self.all = np.arange(len(pulse.groups))
        self.none = self.all[:0]
        self.regions = _indices((group.region, i) for i, group in enumerate(pulse.groups))
        alerts = [(group, i) for i, group in enumerate(pulse.groups) if group.message_class in ALERT_CLASSES]
        self._alerts = _indices(((group.region, group.service), i) for group, i in alerts)

    def alerts_of(self, region: str, codes: Iterable[str]) -> Ints:
        """The groups of these alerts in a region: a User without one of them can't be part of their rise."""
        return np.sort(np.concatenate([self._alerts.get((region, code), self.none) for code in codes]))


def _indices(pairs: Iterable[tuple[_Name, int]]) -> dict[_Name, Ints]:
    indices: dict[_Name, list[int]] = {}
    for name, index in pairs:
        indices.setdefault(name, []).append(index)
    return {name: np.array(index, np.int64) for name, index in indices.items()}


def _risen(pulse: Pulse, index: Ints) -> Flags:
    observed, expected = pulse.observed[index], pulse.expected[index]
    flags: Flags = (observed >= _RISEN * expected) & (observed - expected >= _SURE * np.sqrt(np.maximum(pulse.variance[index], 1.0)))
    return flags
