"""Score: how well a set of alerts agrees with the truth, in figures that `docs/scoring.md` defines one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.rounding import round_significant
from models.times import SECOND_US
from simulator.truth import Anomaly, Truth

FOREVER_US = 2**62


@dataclass(frozen=True, slots=True)
class Named:
    """A suspect as named by the alert or incident."""

    change_id: str | None
    owner: str | None
    basis: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ScoredAlert:
    """One alert over all its revisions."""

    alert_id: str
    kind: str
    user: str | None
    region: str | None
    onset_us: int
    detected_us: int
    """First detection, at any severity."""
    resolved_us: int
    """FOREVER_US while it is open."""
    woke_us: int | None
    """When it reached `warning`: `detected_us`, or the window that raised it if it began as `info`. None: never."""
    suspects: tuple[Named, ...]
    """From the incident's last revision with suspects, else from the alert's own: only an incident is judged again after an alert's end."""
    probable: frozenset[str]
    """Changes that any revision of the alert or its incident called probable."""

    @property
    def raised_us(self) -> int:
        """The time of the first relevant detection: the alert counts from then on."""
        return self.detected_us if self.woke_us is None else self.woke_us


@dataclass(frozen=True, slots=True)
class Score:
    """The figures; None if there was nothing to measure."""

    recall: float | None
    precision: float | None
    delay_median_s: float | None
    delay_p95_s: float | None
    attribution_top1: float | None
    undeclared_named: float | None
    wrong_probable: float | None
    missed: tuple[str, ...]
    """Anomalies that no alert found."""
    stray: tuple[str, ...]
    """Alerts that match no anomaly."""
    misattributed: tuple[str, ...]
    """Anomalies that were found with another suspect in first place."""

    def as_json(self) -> dict[str, Any]:
        """The contract's figures first, then the lists of errors."""
        return {
            "recall": _written(self.recall),
            "precision": _written(self.precision),
            "delay_s": {"median": _written(self.delay_median_s), "p95": _written(self.delay_p95_s)},
            "attribution_top1": _written(self.attribution_top1),
            "wrong_probable": _written(self.wrong_probable),
            "undeclared_named": _written(self.undeclared_named),
            "missed": list(self.missed),
            "stray": list(self.stray),
            "misattributed": list(self.misattributed),
        }


def score(alerts: Sequence[ScoredAlert], truth: Truth, *, probable: Iterable[str] = ()) -> Score:
    """Compare `alerts` with `truth`; `probable`: changes that incidents without an alert here called probable."""
    judged = [alert for alert in alerts if alert.raised_us >= truth.judged_from_us]
    wanted = [anomaly for anomaly in truth.anomalies if not anomaly.collateral and not anomaly.weather]
    first_alerts = {anomaly.id: first for anomaly in wanted if (first := finding_alert(anomaly, judged, truth)) is not None}
    waking = [alert for alert in judged if alert.woke_us is not None]
    stray = [alert.alert_id for alert in waking if not any(belongs(alert, anomaly) for anomaly in truth.anomalies)]
    delays = [(first_alerts[anomaly.id].raised_us - anomaly.onset_us) / SECOND_US for anomaly in wanted if anomaly.id in first_alerts]
    declared = [anomaly for anomaly in wanted if anomaly.id in first_alerts and anomaly.caused_by is not None]
    undeclared = [
        anomaly for anomaly in wanted if anomaly.id in first_alerts and anomaly.caused_by is None and anomaly.origin_user is not None
    ]
    right = {anomaly.id for anomaly in declared if _blames_change(first_alerts[anomaly.id], anomaly)}
    named = {anomaly.id for anomaly in undeclared if _blames_owner(first_alerts[anomaly.id], anomaly)}
    called = frozenset(probable).union(*(alert.probable for alert in alerts))
    return Score(
        recall=_share(len(first_alerts), len(wanted)),
        precision=_share(len(waking) - len(stray), len(waking)),
        delay_median_s=float(np.median(delays)) if delays else None,
        delay_p95_s=float(np.percentile(delays, 95)) if delays else None,
        attribution_top1=_share(len(right), len(declared)),
        undeclared_named=_share(len(named), len(undeclared)),
        wrong_probable=_share(len(called & set(truth.harmless)), len(set(truth.harmless))),
        missed=tuple(anomaly.id for anomaly in wanted if anomaly.id not in first_alerts),
        stray=tuple(stray),
        misattributed=tuple(anomaly.id for anomaly in (*declared, *undeclared) if anomaly.id not in right | named),
    )


def belongs(alert: ScoredAlert, anomaly: Anomaly) -> bool:
    """Whether the anomaly explains the alert: kind and User match, and the alert was raised in its time.

    An alert without a User (about a region or everyone) matches any anomaly of its kind; any alert matches an anomaly of everyone.
    """
    if alert.kind not in anomaly.kinds:
        return False
    if alert.user is not None and anomaly.user is not None and alert.user != anomaly.user:
        return False
    if alert.region is not None and anomaly.region is not None and alert.region != anomaly.region:
        return False
    began = min(alert.onset_us, alert.raised_us)
    return anomaly.onset_us <= alert.raised_us and began <= anomaly.ends_us and alert.resolved_us >= anomaly.onset_us


def finding_alert(anomaly: Anomaly, alerts: Iterable[ScoredAlert], truth: Truth) -> ScoredAlert | None:
    """The alert that found the anomaly: the earliest match about its own User with sufficient severity."""
    quiet_is_right = anomaly.caused_by in truth.as_expected
    finding = [
        alert
        for alert in alerts
        if (alert.woke_us is not None or quiet_is_right)
        and belongs(alert, anomaly)
        and (anomaly.user is None or alert.user == anomaly.user)
    ]
    return min(finding, key=lambda alert: (alert.raised_us, alert.alert_id), default=None)


def _blames_change(alert: ScoredAlert, anomaly: Anomaly) -> bool:
    return bool(alert.suspects) and alert.suspects[0].change_id == anomaly.caused_by


def _blames_owner(alert: ScoredAlert, anomaly: Anomaly) -> bool:
    first = alert.suspects[0] if alert.suspects else None
    return first is not None and first.basis == "undeclared" and first.owner == anomaly.origin_user


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _written(value: float | None) -> int | float | None:
    return None if value is None else round_significant(value)
