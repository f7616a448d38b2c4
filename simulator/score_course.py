"""Course: how accurate incidents and change reports stay after the first minute, in figures that `docs/scoring.md` defines one by one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.rounding import round_significant
from models.times import SECOND_US, parse_time
from simulator.score import FOREVER_US, ScoredAlert, belongs, finding_alert
from simulator.truth import Anomaly, Truth

TOLERANCE_S = 300
"""A shorter overrun does not count as one."""
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CourseScore:
    """The figures; None if there was nothing to measure."""

    collateral_recall: float | None
    collateral_delay_s: float | None
    ended_error_s: float | None
    resolved_late_s: float | None
    overran_error_s: float | None
    false_overrun: float | None
    missing_error: float | None
    incident_revisions: int | None

    def as_json(self) -> dict[str, Any]:
        """The figures as they are written."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: None if value is None else round_significant(value) for name, value in values.items()}


def read_records(folder: Path, name: str) -> list[Record]:
    """The records of one file of a run; none if the file does not exist."""
    path = folder / name
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def score_course(alerts: Sequence[ScoredAlert], incidents: Iterable[Record], reports: Iterable[Record], truth: Truth) -> CourseScore:
    """Compare the incidents and reports of a run, every revision of them, with the truth."""
    by_id: dict[str, list[Record]] = {}
    for record in incidents:
        by_id.setdefault(str(record["incident_id"]), []).append(record)
    kept = {key: records for key, records in by_id.items() if parse_time(records[-1]["as_of"]) >= truth.judged_from_us}
    last_reports = {f"{report.get('owner')}/{report['change_id']}": report for report in reports}
    overran, wrong = _overruns(last_reports.values(), truth)
    suffering = [anomaly for anomaly in truth.anomalies if anomaly.collateral]
    named_us = [(_named_us(anomaly, alerts, kept), anomaly.onset_us) for anomaly in suffering]
    delays = [max(0, at_us - onset_us) / SECOND_US for at_us, onset_us in named_us if at_us is not None]
    ended, resolved = _ends(alerts, kept, truth)
    return CourseScore(
        collateral_recall=len(delays) / len(suffering) if suffering else None,
        collateral_delay_s=_median(delays),
        ended_error_s=_median(ended),
        resolved_late_s=_median(resolved),
        overran_error_s=_median(overran),
        false_overrun=float(np.mean(wrong)) if wrong else None,
        missing_error=_median(_missing_errors(alerts, kept, truth)),
        incident_revisions=max((len(records) for records in kept.values()), default=None),
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _named_us(anomaly: Anomaly, alerts: Sequence[ScoredAlert], incidents: Mapping[str, Sequence[Record]]) -> int | None:
    """When the User of an anomaly was first named: as affected by an incident of that origin, or by an alert of its own; None: never."""
    moments = [
        parse_time(record["as_of"])
        for records in incidents.values()
        for record in records
        if record.get("origin_user") == anomaly.origin_user and anomaly.user in record.get("affected_users", ())
    ]
    moments += [alert.raised_us for alert in alerts if alert.user == anomaly.user and belongs(alert, anomaly)]
    return min(moments, default=None)


def _incident_of(anomaly: Anomaly, alerts: Sequence[ScoredAlert], incidents: Mapping[str, Sequence[Record]], truth: Truth) -> Record | None:
    """The last revision of the incident of the alert that found the anomaly."""
    first = finding_alert(anomaly, [alert for alert in alerts if alert.raised_us >= truth.judged_from_us], truth)
    if first is None:
        return None
    holding = [records[-1] for records in incidents.values() if first.alert_id in records[-1].get("alert_ids", ())]
    return max(holding, key=lambda record: str(record["as_of"]), default=None)


def _ends(alerts: Sequence[ScoredAlert], incidents: Mapping[str, Sequence[Record]], truth: Truth) -> tuple[list[float], list[float]]:
    """Seconds between the true end of each anomaly and the `ended_at` of its incident, and from that end until it was decided."""
    errors: list[float] = []
    late: list[float] = []
    for anomaly in _main(truth):
        record = _incident_of(anomaly, alerts, incidents, truth)
        if record is None or not record.get("ended_at") or anomaly.ends_us >= FOREVER_US:
            continue
        errors.append(abs(parse_time(record["ended_at"]) - anomaly.ends_us) / SECOND_US)
        if record.get("resolved_at"):
            late.append((parse_time(record["resolved_at"]) - anomaly.ends_us) / SECOND_US)
    return errors, late


def _missing_errors(alerts: Sequence[ScoredAlert], incidents: Mapping[str, Sequence[Record]], truth: Truth) -> list[float]:
    errors = []
    for anomaly in _main(truth):
        record = _incident_of(anomaly, alerts, incidents, truth)
        for process, messages in anomaly.missing.items():
            if messages < 1:
                continue
            missing = ((record or {}).get("missing") or {}).get(process, {}).get("messages", 0.0)
            errors.append(abs(missing - messages) / messages)
    return errors


def _overruns(reports: Iterable[Record], truth: Truth) -> tuple[list[float], list[bool]]:
    """Errors of the true overruns, and for each report on a punctual change whether it claims an overrun."""
    ends: dict[str, int] = {}
    for anomaly in _main(truth):
        if anomaly.caused_by is not None and anomaly.ends_us < FOREVER_US:
            ends[anomaly.caused_by] = max(ends.get(anomaly.caused_by, 0), anomaly.ends_us)
    errors: list[float] = []
    wrong: list[bool] = []
    for report in reports:
        planned_us = truth.planned_ends.get(report["change_id"])
        if planned_us is None:
            continue
        true_s = max(0, ends.get(report["change_id"], 0) - planned_us) / SECOND_US
        if true_s > TOLERANCE_S:
            errors.append(abs(report["overran_s"] - true_s))
        else:
            wrong.append(report["overran_s"] > TOLERANCE_S or report["started_early_s"] > TOLERANCE_S)
    return errors, wrong


def _main(truth: Truth) -> list[Anomaly]:
    return [anomaly for anomaly in truth.anomalies if not anomaly.collateral and not anomaly.weather]
