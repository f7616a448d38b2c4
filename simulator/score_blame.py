"""Blame: whether what is named as the cause of each alert, the victims' too, is the cause; `docs/scoring.md` defines each figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.rounding import round_significant
from models.times import parse_time
from simulator.score import ScoredAlert, belongs
from simulator.truth import Anomaly, Truth

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blame:
    """The figures, and the ids behind them."""

    victims_top1: float | None
    """Of judged alerts that a declared change caused, the share with that change on top at the end; None where there is none."""
    blamed: int
    """Judged alerts that a declared change caused."""
    wrong_blame: tuple[str, ...] = ()
    """Alerts of which any revision called a change `probable` that did not cause them, an undeclared one included."""
    false_warnings: tuple[str, ...] = ()
    """Alerts that woke somebody about nothing, or about what a change did as it declared."""
    misled: tuple[str, ...] = field(default=())
    """Alerts with something else on top."""

    def as_json(self) -> dict[str, Any]:
        """As they are written."""
        share = None if self.victims_top1 is None else round_significant(self.victims_top1)
        return {
            "victims_top1": share,
            "wrong_blame": len(self.wrong_blame),
            "false_warnings": len(self.false_warnings),
            "misled": sorted(self.misled),
        }


def score_blame(alerts: Sequence[ScoredAlert], records: Iterable[Record], truth: Truth) -> Blame:
    """Hold every revision of every alert against the truth; `records` are those of `alerts.ndjson`."""
    revisions: dict[str, list[Record]] = {}
    for record in records:
        revisions.setdefault(str(record["alert_id"]), []).append(record)
    judged = [alert for alert in alerts if alert.raised_us >= truth.judged_from_us]
    right = blamed = 0
    misled: list[str] = []
    wrong: list[str] = []
    false: list[str] = []
    for alert in judged:
        own = revisions[alert.alert_id]
        behind = _behind(alert, own, truth)
        causes = {anomaly.caused_by for anomaly in behind}
        if behind and None not in causes:
            blamed += 1
            hit = _names_one(own, causes)
            right += hit
            misled += [] if hit else [alert.alert_id]
        if any(_is_wrong(suspect, alert.user, behind, truth) for record in own for suspect in record.get("suspects") or ()):
            wrong.append(alert.alert_id)
        if alert.woke_us is not None and all(anomaly.caused_by in truth.as_expected for anomaly in behind):
            false.append(alert.alert_id)
    return Blame(right / blamed if blamed else None, blamed, tuple(wrong), tuple(false), tuple(misled))


def _behind(alert: ScoredAlert, own: Sequence[Record], truth: Truth) -> list[Anomaly]:
    """The anomalies that account for an alert: first those about its very services, then those that began at its User with it."""
    candidates = [anomaly for anomaly in truth.anomalies if belongs(alert, anomaly)]
    named = (own[-1].get("series") or {}).get("service")
    first_us = parse_time(own[0]["onset_at"])
    exact = [
        anomaly for anomaly in candidates if anomaly.services and named in anomaly.services and first_us >= anomaly.onset_us - _EARLY_US
    ]
    began_us = max((anomaly.onset_us for anomaly in candidates if anomaly.onset_us <= first_us + _EARLY_US), default=0)
    latest = [anomaly for anomaly in candidates if anomaly.onset_us >= began_us - _EARLY_US]
    # One that was over before the alert was found accounts for it no more than what its User suffers from by then.
    main = [anomaly for anomaly in latest if anomaly.user is not None and not anomaly.collateral and anomaly.ends_us >= alert.raised_us]
    return exact or main or candidates


def _names_one(own: Sequence[Record], causes: set[str | None]) -> bool:
    """Whether the last revision that had any suspects has one of these on top."""
    for record in reversed(own):
        for suspect in record.get("suspects") or ():
            return suspect.get("change_id") in causes and suspect.get("verdict") != "excluded"
    return False


_EARLY_US = 600_000_000
"""How far before its true beginning an onset may be estimated."""


def _is_wrong(suspect: Record, user: str | None, behind: Sequence[Anomaly], truth: Truth) -> bool:
    change_id = suspect.get("change_id")
    if suspect.get("verdict") != "probable" or (not behind and change_id in truth.as_expected):
        return False
    if not behind and _went_wrong_later(change_id, user, truth):
        return False
    if suspect.get("basis") == "undeclared":
        return not any(anomaly.caused_by is None and anomaly.origin_user == suspect.get("owner") for anomaly in behind)
    return not any(anomaly.caused_by == change_id for anomaly in behind)


def _went_wrong_later(change_id: str | None, user: str | None, truth: Truth) -> bool:
    """Whether a change caused an anomaly at its User: what it did there before, as it declared, is no anomaly, but its doing."""
    main = (anomaly for anomaly in truth.anomalies if not anomaly.collateral)
    return change_id is not None and any(anomaly.caused_by == change_id and anomaly.user == user for anomaly in main)
