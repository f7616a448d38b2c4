"""Output records: the topic and the key of each record."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.canonical_json import to_json
from models.dead_letter import DeadLetter
from models.decisions import Decisions
from streams.kafka.cluster.topic_names import Topics


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One record with its topic."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


def decided(topics: Topics, decisions: Decisions) -> Iterator[OutputRecord]:
    """The records of one window's decisions."""
    for alert in decisions.alerts:
        yield OutputRecord(topics.alerts, alert.alert_id.encode(), to_json(alert))
    for user, alert in decisions.user_alerts:
        yield OutputRecord(topics.alerts_of(user), alert.alert_id.encode(), to_json(alert))
    for incident in decisions.incidents:
        yield OutputRecord(topics.incidents, incident.incident_id.encode(), to_json(incident))
    for report in decisions.reports:
        yield OutputRecord(topics.reports, report.key.encode(), to_json(report))
    for user, report in decisions.user_reports:
        yield OutputRecord(topics.reports_of(user), report.key.encode(), to_json(report))


def dead_letter(topics: Topics, letter: DeadLetter) -> OutputRecord:
    """Keyed by position, so that a record that is sent again after a crash replaces itself."""
    return OutputRecord(topics.dead_letters, "/".join(str(value) for value in letter.position.values()).encode(), to_json(letter))
