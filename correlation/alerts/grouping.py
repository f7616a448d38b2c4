"""Grouping: findings of many series become one alert per User and kind; a finding that returns belongs to the same alert."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Self, cast

from correlation.alerts.aggregation import Measures, measures, sure_series
from correlation.alerts.finding_rows import FindingId, FindingRow
from correlation.parameters import CorrelationParameters
from correlation.snapshots import MOVEMENTS, AlertSnapshot, Movement
from models.columns import SeriesKey
from models.state_tree import from_tree, to_plain
from models.times import MINUTE_US, SECOND_US, format_time
from models.vocabulary import AlertKind

GroupKey = tuple[str, str, str]
"""Kind, User (empty for a whole region's or everyone's alert), region (empty for everyone's; a User's: empty or `assignment.OWN_SIDE`)."""

_YOUNG_US = 10 * MINUTE_US

Placement = Callable[[FindingRow], GroupKey | None]
"""Which alert a finding belongs to; None: no alert (a recovery)."""
Lasts = Callable[["AlertGroup"], bool]
"""Whether the traffic of an alert shows its trouble in this window, whatever its detectors say."""


@dataclass(slots=True)
class AlertGroup:
    """One alert's findings: the active ones, and everything it covered since it opened."""

    key: GroupKey
    alert_id: str
    detected_us: int
    onset_us: int
    touched_us: int
    """The last window with one of its findings."""
    news_us: int
    """The last window in which a finding began or ended."""
    active: dict[SeriesKey, FindingRow] = field(default_factory=dict)
    covered: set[SeriesKey] = field(default_factory=set)
    last: tuple[FindingRow, ...] = ()
    """The findings that ended last, kept so that an ended alert still shows its subject."""
    ended_us: int | None = None
    """The window from which on none of its findings was active, or that closed it with its incident."""
    resolved_us: int | None = None
    """The window that decided that the alert is over."""
    serious: bool = False
    peak: float = 0.0
    peak_expected: float = 0.0
    """The expectation in the window of the peak."""
    flaps: int = 0
    over_us: int | None = None
    """When its trouble ended (estimated), if its traffic shows that."""
    closed: bool = False
    """Whether it ended with its incident although findings remain."""
    refused: bool = False
    """Whether people refused a part of it as a habit."""
    lasting: bool = False
    """Whether its findings ended while its traffic still shows the trouble: it is not over yet."""
    after_us: int = -1
    """Findings that began before were those of an alert that is over: they linger, and do not show when this one began."""

    @property
    def resolved(self) -> bool:
        """Whether the alert is over."""
        return self.resolved_us is not None

    def is_due(self, at_us: int) -> bool:
        """Whether a window is one in which it is examined: each while it is young or has news, else one per minute."""
        if self.touched_us != at_us:
            return False
        shortest_us = min(key.window_s for key in self.covered) * SECOND_US
        young = at_us - self.detected_us <= _YOUNG_US or self.news_us == at_us
        return young or at_us // MINUTE_US != (at_us - shortest_us) // MINUTE_US

    def hold_us(self, parameters: CorrelationParameters) -> int:
        """How long it must stay normal to be resolved: at once the first time, longer each time it comes back."""
        return min(parameters.flap_s, 60 << min(self.flaps, 10)) * SECOND_US if self.flaps else 0

    def returns_until_us(self, parameters: CorrelationParameters) -> int:
        """Until when a new finding belongs to this alert."""
        widest_s = max(key.window_s for key in self.covered)
        return (self.ended_us or 0) + max(parameters.flap_s, 3 * widest_s) * SECOND_US

    def kept_until_us(self, parameters: CorrelationParameters) -> int:
        """Until when it may explain later effects."""
        return max(self.returns_until_us(parameters), (self.ended_us or 0) + parameters.recovery_s * SECOND_US)


def _never_lasts(_: AlertGroup) -> bool:
    return False


class AlertGroups:
    """All alerts of one reader that are open or may come back."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self.groups: dict[GroupKey, AlertGroup] = {}
        self._group_keys: dict[FindingId, GroupKey] = {}

    def __bool__(self) -> bool:
        return bool(self.groups)

    def group_of(self, finding_id: FindingId) -> GroupKey | None:
        """The alert that an active finding is counted in."""
        return self._group_keys.get(finding_id)

    def apply(self, at_us: int, findings: Sequence[FindingRow], group_for: Placement, lasts: Lasts = _never_lasts) -> None:
        """Processes one window's findings, in canonical order; then alerts that have stayed normal long enough are resolved."""
        fresh: dict[GroupKey, list[FindingRow]] = {}
        for finding in findings:
            before, now = self._group_keys.get(finding.finding_id), group_for(finding)
            if before is not None and before != now:
                self._remove_finding(at_us, before, finding)
            if now is None:
                self._group_keys.pop(finding.finding_id, None)
            elif before == now or not finding.ended:
                fresh.setdefault(now, []).append(finding)
        for key in sorted(fresh):
            self._update(at_us, key, fresh[key])
        self._settle(at_us, lasts)

    def _update(self, at_us: int, key: GroupKey, findings: list[FindingRow]) -> None:
        known = self.groups.get(key)
        if known is not None and known.closed and self._lingers(at_us, known, findings):
            return
        group = self._group(at_us, key, findings)
        for finding in findings:
            if finding.ended:
                group.active.pop(finding.key, None)
                self._group_keys.pop(finding.finding_id, None)
                group.news_us = at_us
                continue
            if finding.key not in group.active:
                group.news_us = at_us
            group.active[finding.key] = finding
            group.covered.add(finding.key)
            group.serious |= finding.serious and finding.began_us > group.after_us
            group.refused |= finding.refused
            self._group_keys[finding.finding_id] = key
        group.touched_us = at_us
        if group.active:
            group.onset_us = min([group.onset_us, *(one.began_us for one in group.active.values() if one.began_us > group.after_us)])
        else:
            group.ended_us, group.last = at_us, tuple(findings)

    def _lingers(self, at_us: int, group: AlertGroup, findings: list[FindingRow]) -> bool:
        """Whether these findings are only the rest of an alert that ended with its incident; if so, they are noted."""
        new = [finding for finding in findings if not finding.ended and finding.key not in group.active]
        if any(finding.serious for finding in new) or (new and at_us > group.returns_until_us(self._parameters)):
            group.closed = False
            for key in list(group.active):
                # A finding that remains is not news: it counts from now on only if it is still there.
                self._group_keys.pop((group.key[0], key), None)
            group.active = {}
            return False
        for finding in findings:
            if finding.ended:
                group.active.pop(finding.key, None)
                self._group_keys.pop(finding.finding_id, None)
            else:
                group.active[finding.key] = finding
                self._group_keys[finding.finding_id] = group.key
        group.closed = bool(group.active)
        return True

    def close(self, group: AlertGroup, at_us: int, over_us: int) -> None:
        """The alert ends with its incident: remaining findings hold nothing open."""
        if group.resolved:
            return
        group.closed, group.lasting = bool(group.active), False
        if group.ended_us is None:
            group.last = tuple(group.active[key] for key in sorted(group.active))
            group.ended_us = at_us
        group.over_us = over_us if group.over_us is None else min(group.over_us, over_us)
        group.resolved_us = group.touched_us = group.news_us = at_us

    def reopen(self, group: AlertGroup, at_us: int) -> None:
        """Its incident has come back while its findings remained."""
        group.closed, group.ended_us, group.over_us, group.resolved_us, group.last = False, None, None, None, ()
        group.flaps += 1
        group.touched_us = group.news_us = at_us

    def _group(self, at_us: int, key: GroupKey, findings: list[FindingRow]) -> AlertGroup:
        """The alert for these findings: the existing one, opened again if it had ended, or a new one."""
        group = self.groups.get(key)
        begins = [finding for finding in findings if not finding.ended]
        if group is not None and (group.ended_us is None or not begins):
            return group
        if group is not None and group.lasting:
            group.ended_us, group.over_us, group.lasting, group.last = None, None, False, ()
            return group
        if group is not None and at_us <= group.returns_until_us(self._parameters):
            onset_us = min(finding.began_us for finding in begins)
            ended_us = group.ended_us or onset_us
            if onset_us - ended_us > ended_us - group.onset_us:
                # Findings that were quiet for longer than they had lasted were a false start: they do not show when this began.
                group.onset_us, group.peak, group.peak_expected = onset_us, 0.0, 0.0
            group.ended_us, group.over_us, group.resolved_us, group.closed, group.last = None, None, None, False, ()
            group.flaps += 1
            return group
        after_us = -1 if group is None or group.ended_us is None else group.ended_us
        onset_us = min((one.began_us for one in begins if one.began_us > after_us), default=at_us - begins[0].key.window_s * SECOND_US)
        self.groups[key] = AlertGroup(key, alert_id(key, at_us, begins[0].key), at_us, onset_us, at_us, at_us, after_us=after_us)
        return self.groups[key]

    def _remove_finding(self, at_us: int, key: GroupKey, finding: FindingRow) -> None:
        """A finding proves to be part of another alert."""
        group = self.groups[key]
        group.active.pop(finding.key, None)
        group.touched_us = group.news_us = at_us
        group.closed = group.closed and bool(group.active)
        if not group.active and group.ended_us is None:
            group.ended_us, group.last = at_us, (finding,)

    def _settle(self, at_us: int, lasts: Lasts) -> None:
        for key, group in list(self.groups.items()):
            if group.ended_us is None:
                continue
            if not group.resolved:
                if at_us <= group.returns_until_us(self._parameters) and lasts(group):
                    # From the window in which its findings end: nobody must read meanwhile that it is over.
                    group.lasting, group.over_us = True, None
                    continue
                if at_us - group.ended_us < group.hold_us(self._parameters):
                    continue
                if group.lasting:
                    group.ended_us, group.lasting = at_us, False
                group.resolved_us = group.touched_us = group.news_us = at_us
            elif not group.active and at_us > group.kept_until_us(self._parameters):
                del self.groups[key]

    def episode(self, group: AlertGroup, at_us: int) -> AlertSnapshot:
        """The facts of one alert in this window."""
        kind, user, region = group.key
        active = () if group.closed else tuple(sorted(group.active))
        total = measures(kind, rows := tuple(group.active[key] for key in active) or group.last)
        movement = "down" if kind == "drift" and total.ratio < 1 else MOVEMENTS[kind]
        if at_us == group.detected_us or (active and _is_new_peak(movement, group, total)):
            group.peak, group.peak_expected = total.observed, total.expected
        regions = {key.region for key in group.covered}
        return AlertSnapshot(
            alert_id=group.alert_id,
            kind=cast("AlertKind", kind),
            user=user or None,
            region=(not user and region) or (next(iter(regions)) if len(regions) == 1 else "") or None,
            series=tuple(sorted(group.covered)),
            onset_us=group.onset_us,
            detected_us=group.detected_us,
            at_us=at_us,
            ended_us=None if group.lasting else group.ended_us if group.over_us is None else group.over_us,
            direction=movement,
            ratio=total.ratio,
            observed=total.observed,
            expected=total.expected,
            score=total.score,
            peak=group.peak,
            serious=group.serious,
            evidence={**total.evidence, **({"flaps": float(group.flaps)} if group.flaps else {})},
            codes=total.codes,
            flaps=group.flaps,
            active=active,
            sure=sure_series(rows, at_us),
            resolved_us=group.resolved_us,
            peak_expected=group.peak_expected,
            refused=group.refused,
        )

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return to_plain([self.groups[key] for key in sorted(self.groups)])

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Any) -> Self:
        """Inverse of `pack`."""
        ledger = cls(parameters)
        for group in from_tree(list[AlertGroup], tree):
            if isinstance(group.resolved_us, bool):
                # Written before ends and decisions were separated.
                group.resolved_us = group.ended_us if group.resolved_us else None
            if group.ended_us is None or group.lasting:
                group.over_us = None  # Before, the end of its last pause was kept.
            ledger.groups[group.key] = group
            ledger._group_keys |= {finding.finding_id: group.key for finding in group.active.values()}
        return ledger


def alert_id(key: GroupKey, detected_us: int, first: SeriesKey) -> str:
    """From kind, User or region, first `detected_at` and first series; from nothing else, so that every run gives the same id."""
    text = "\n".join([key[0], key[1] or f"region {key[2]}", format_time(detected_us), *map(str, first)])
    return f"A-{blake2b(text.encode(), digest_size=8).hexdigest()}"


def _is_new_peak(movement: Movement, group: AlertGroup, now: Measures) -> bool:
    """Whether this window is the worst so far: the most messages came, or the most were missing."""
    if movement in ("down", "silent"):
        return now.expected - now.observed > group.peak_expected - group.peak
    return now.observed > group.peak
