"""Assignment: which alert a finding belongs to, and which findings make no alert of their own."""

from collections.abc import Collection, Mapping, Sequence

from correlation.alerts.finding_rows import FindingId, FindingRow
from correlation.alerts.grouping import AlertGroup, AlertGroups, GroupKey
from correlation.alerts.region_alerts import is_device_alert_storm
from correlation.parameters import CorrelationParameters
from models.response_codes import DEVICE_SIDE
from models.times import SECOND_US

_LEAST_RECOVERY_S = 600
NO_GROUPS: frozenset[GroupKey] = frozenset()
_LOSSES = frozenset({"silence", "drop"})
OWN_SIDE = "own"
"""The last part of the key of a User's alert about its own trouble, beside one of the same kind about what it suffers from another User."""
Suffering = Mapping[tuple[str, str], Collection[str]]
"""Kind and User of what suffers from another User's incident → services that are in trouble there."""


class GroupAssignment:
    """One window's assignments; `wide` are the region-wide alerts of triage, `suffering` its alerts about what Users suffer from others.

    A User's own copy has neither.
    """

    def __init__(
        self,
        at_us: int,
        findings: Sequence[FindingRow],
        ledger: AlertGroups,
        parameters: CorrelationParameters,
        wide: frozenset[GroupKey],
        suffering: Suffering,
    ) -> None:
        self._at_us = at_us
        self._ledger = ledger
        self._parameters = parameters
        self._wide = wide
        self._suffering = suffering
        self._own_side: set[tuple[str, str]] = set()
        """Kind and User of trouble that is found to be the User's own in this window."""
        self._silent: set[FindingId] = {("silence", finding.key) for finding in findings if finding.kind == "silence" and not finding.ended}

    def group_for(self, finding: FindingRow) -> GroupKey | None:
        """The alert for a finding; None if another alert covers it already."""
        own = (finding.kind, finding.key.user, OWN_SIDE if self._is_own_side(finding) else "")
        if self._wide and (wide := self._region_wide(finding)) is not None:
            return wide
        if self._ledger.group_of(finding.finding_id) == own and finding.kind != "drop":
            return own
        if finding.kind == "drop" and self._covered_by_silence(finding):
            return None
        if finding.kind == "storm" and self._is_recovery_surge(finding):
            return None
        return own

    def _is_own_side(self, finding: FindingRow) -> bool:
        """Whether it is no part of what its User suffers from another: requests refused for their own faults, or that it does not send."""
        kind, user = of = finding.kind, finding.key.user
        group, placed = self._ledger.groups.get((kind, user, OWN_SIDE)), self._ledger.group_of(finding.finding_id)
        if placed is not None:
            return placed[2] == OWN_SIDE
        if group is not None and (finding.key in group.covered or (kind in _LOSSES and group.ended_us is None)):
            return True
        if of not in self._suffering:
            return False
        if kind == "failures":
            return 2 * sum(count for code, count in finding.codes.items() if code not in DEVICE_SIDE) > sum(finding.codes.values()) > 0
        if kind in _LOSSES and finding.key.direction == "to_dsp" and finding.key.service not in self._suffering[of]:
            self._own_side.add(of)
        return of in self._own_side

    def _region_wide(self, finding: FindingRow) -> GroupKey | None:
        if is_device_alert_storm(finding):
            key = ("storm", "", finding.key.region)
            return key if key in self._wide and self._fits(key, finding) else None
        if finding.kind == "stale":
            everyone = ("stale", "", "")
            region = ("stale", "", finding.key.region)
            return everyone if everyone in self._wide else region if region in self._wide else None
        return None

    def _fits(self, key: GroupKey, finding: FindingRow) -> bool:
        """Whether it began with the region's rise rather than long before it."""
        group = self._ledger.groups.get(key)
        began_us = group.onset_us if group is not None and group.ended_us is None else self._at_us
        return finding.began_us >= began_us - self._parameters.together_s * SECOND_US

    def _covered_by_silence(self, finding: FindingRow) -> bool:
        """Whether the same series is silent, or was just now: a silent series also counts as a drop."""
        if ("silence", finding.key) in self._silent or self._ledger.group_of(("silence", finding.key)) is not None:
            return True
        silence = self._ledger.groups.get(("silence", finding.key.user, ""))
        if silence is None or finding.key not in silence.covered:
            return False
        return silence.ended_us is None or self._at_us - silence.ended_us <= self._parameters.together_s * SECOND_US

    def _is_recovery_surge(self, finding: FindingRow) -> bool:
        """Whether it is the surge of messages that a blocked route held back."""
        user, direction = finding.key.user, finding.key.direction
        backlog = self._ledger.groups.get(("backlog", user, ""))
        if (
            direction == "to_user"
            and backlog is not None
            and self._within_recovery(backlog, finding)
            and (backlog.ended_us is not None or _drains(backlog))
        ):
            return True
        silence = self._ledger.groups.get(("silence", user, ""))
        if silence is None or not self._within_recovery(silence, finding):
            return False
        return finding.key in silence.covered or (
            silence.ended_us is not None and any(key.direction == direction for key in silence.covered)
        )

    def _within_recovery(self, block: AlertGroup, finding: FindingRow) -> bool:
        """Whether an earlier block is still being repaid."""
        if finding.began_us < block.onset_us:
            return False
        if block.ended_us is None:
            return True
        lasted_us = block.ended_us - block.onset_us
        longest_us = min(max(3 * lasted_us, _LEAST_RECOVERY_S * SECOND_US), self._parameters.recovery_s * SECOND_US)
        return self._at_us - block.ended_us <= longest_us


def _drains(backlog: AlertGroup) -> bool:
    return sum(finding.evidence.get("growth_per_s", 0.0) for finding in backlog.active.values()) < 0
