"""Input of `score`: alerts and incidents of a run, and the truth. Only the needed fields are read, so other programs' output works too."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from models.errors import HighwaterError, UnreadableInput
from models.times import parse_time
from simulator.score import FOREVER_US, Named, ScoredAlert
from simulator.truth import Anomaly, Truth

LOUD = frozenset({"warning", "critical"})


def read_truth(path: Path) -> Truth:
    """`truth.json`. Raises UnreadableInput with the reason in one line."""
    text = _text(path)
    try:
        content = json.loads(text)
        anomalies = tuple(_anomaly(one) for one in content["anomalies"])
        judged_from = parse_time(content["judged_from"]) if content.get("judged_from") else -FOREVER_US
        harmless, expected = (_names(content.get(name, [])) for name in ("harmless", "as_expected"))
        planned = {str(name): parse_time(end) for name, end in (content.get("planned_ends") or {}).items()}
        return Truth(str(content.get("scenario", "")), int(content.get("seed") or 0), judged_from, anomalies, harmless, expected, planned)
    except (ValueError, KeyError, TypeError, AttributeError, HighwaterError) as fault:
        raise UnreadableInput(f"{path} is not a truth.json as `simulate` writes it: {_why(fault)}") from None


def read_alerts(folder: Path) -> tuple[list[ScoredAlert], frozenset[str]]:
    """Alerts of `alerts.ndjson` with the suspects of `incidents.ndjson` if it exists, and every change that was called probable.

    Raises UnreadableInput with file, line and reason.
    """
    if not folder.is_dir():
        raise UnreadableInput(f"{folder} is not a folder: give the one that `replay --out` wrote")
    incidents = folder / "incidents.ndjson"
    return scored_alerts(_records(folder / "alerts.ndjson", "alert_id"), _records(incidents, "incident_id") if incidents.exists() else [])


def scored_alerts(
    alert_records: Iterable[dict[str, Any]], incident_records: Iterable[dict[str, Any]]
) -> tuple[list[ScoredAlert], frozenset[str]]:
    """The same from records in memory, in any order: every revision as the JSON object of the contract."""
    alerts, incidents = _by_id(alert_records, "alert_id"), _by_id(incident_records, "incident_id")
    probable = {name for records in incidents.values() for record in records for name in _probable(record)}
    scored = [_scored_alert(records, incidents.get(str(records[-1].get("incident_id")), [])) for records in alerts.values()]
    return scored, frozenset(probable)


def _anomaly(one: dict[str, Any]) -> Anomaly:
    ends = one.get("ends_at")
    return Anomaly(
        id=str(one["id"]),
        kinds=_names(one["kinds"]),
        user=one.get("user"),
        onset_us=parse_time(one["onset_at"]),
        ends_us=parse_time(ends) if ends else FOREVER_US,
        caused_by=one.get("caused_by"),
        origin_user=one.get("origin_user"),
        region=one.get("region"),
        collateral=bool(one.get("collateral", False)),
        weather=bool(one.get("weather", False)),
        threatens=_names(one.get("threatens", [])),
        services=_names(one.get("services", [])),
        missing={str(name): float(messages) for name, messages in (one.get("missing") or {}).items()},
    )


def _names(listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list):
        raise ValueError(f"{listed!r:.40} is not a list")
    return tuple(str(name) for name in listed)


def _scored_alert(records: list[dict[str, Any]], incident: list[dict[str, Any]]) -> ScoredAlert:
    last = records[-1]
    detected = parse_time(last["detected_at"])
    with_suspects = [record for record in (*records, *incident) if record.get("suspects")]
    return ScoredAlert(
        alert_id=str(last["alert_id"]),
        kind=str(last["kind"]),
        user=last.get("user"),
        region=(last.get("series") or {}).get("region"),
        onset_us=parse_time(last["onset_at"]) if last.get("onset_at") else detected,
        detected_us=detected,
        resolved_us=parse_time(last["resolved_at"]) if last.get("resolved_at") else FOREVER_US,
        woke_us=_woke(records, detected),
        suspects=tuple(_named(one) for one in with_suspects[-1]["suspects"]) if with_suspects else (),
        probable=frozenset(name for record in (*incident, *records) for name in _probable(record)),
    )


def _woke(records: list[dict[str, Any]], detected_us: int) -> int | None:
    """An alert that begins at `warning` counts from `detected_at`; one raised later counts from the window that raised it."""
    for number, record in enumerate(records):
        if record["severity"] in LOUD:
            return parse_time(record["as_of"]) if number and record.get("as_of") else detected_us
    return None


def _named(one: dict[str, Any]) -> Named:
    return Named(one.get("change_id"), one.get("owner"), str(one.get("basis", "declared")), str(one.get("verdict", "")))


def _probable(record: dict[str, Any]) -> Iterator[str]:
    for one in record.get("suspects") or ():
        if one.get("verdict") == "probable" and one.get("change_id") is not None:
            yield one["change_id"]


def _by_id(records: Iterable[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    """Records by id, each in the order of its revisions."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_id.setdefault(str(record[name]), []).append(record)
    return {key: sorted(revisions, key=lambda record: int(record.get("revision") or 1)) for key, revisions in by_id.items()}


def _records(path: Path, name: str) -> list[dict[str, Any]]:
    """All records of a file, each validated as far as `score` needs it."""
    records = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            scored_alerts(*(([record], []) if name == "alert_id" else ([], [record])))
        except (ValueError, KeyError, TypeError, AttributeError, HighwaterError) as fault:
            raise UnreadableInput(f"{path} line {number}: {_why(fault)}") from None
        records.append(record)
    return records


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableInput(
            f"{path} does not exist: give the folder that `replay --out` wrote, and the truth.json of `simulate`"
        ) from None
    except OSError as fault:
        raise UnreadableInput(f"can't read {path}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableInput(f"{path} is not UTF-8 text") from None


def _why(fault: Exception) -> str:
    return f"{fault.args[0]} is missing" if isinstance(fault, KeyError) else str(fault)
