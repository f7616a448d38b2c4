"""Alert record: drafts as alerts on the wire, each number rounded once."""

from changes.calendar import CalendarView
from correlation.alert_draft import Draft, alert_series
from correlation.records.revisions import LastRevision
from correlation.wording.next_step import contact, next_step
from correlation.wording.summary import summary
from models.alert import Alert, Evidence
from models.times import instant
from models.vocabulary import Status

_WHOLE = frozenset({"empty_windows", "flaps", "habit_days"})


def due_alert(draft: Draft, issued: LastRevision, view: CalendarView) -> Alert | None:
    """The revision of an alert in this window, if there is one; `issued` is updated."""
    observed, depth = draft.sizes()
    affected = len(draft.affected) if draft.carries_news else 0
    status = issued.next_status(draft.signature(), resolved=draft.resolved, observed=observed, depth=depth, affected=affected)
    return None if status is None else alert(draft, issued.revision, status, view)


def alert(draft: Draft, revision: int, status: Status, view: CalendarView) -> Alert:
    """The record of a draft."""
    episode = draft.episode
    return Alert(
        alert_id=episode.alert_id,
        revision=revision,
        as_of=instant(draft.case.at_us),
        status=status,
        incident_id=draft.incident_id,
        kind=episode.kind,
        user=episode.user,
        series=alert_series(episode.series),
        onset_at=instant(episode.onset_us),
        detected_at=instant(episode.detected_us),
        ended_at=instant(episode.ended_us) if draft.resolved and episode.ended_us is not None else None,
        resolved_at=instant(episode.resolved_us) if draft.resolved and episode.resolved_us is not None else None,
        severity=draft.urgency,
        category=draft.category.number,
        category_reason=draft.category.reason,
        observed=episode.observed,
        expected=episode.expected,
        score=episode.score,
        evidence=evidence(draft),
        processes=draft.processes,
        suspects=draft.suspects,
        envelope=draft.envelope.position,
        affected_users=draft.affected,
        threatened_changes=draft.threatened,
        next_step=next_step(draft, view),
        contact=contact(draft, view),
        summary=summary(draft, view),
    )


def evidence(draft: Draft) -> Evidence:
    """The detectors' measurements, and the response codes of failures."""
    measured = {name: round(value) if name in _WHOLE else value for name, value in draft.episode.evidence.items()}
    codes = dict(draft.episode.codes) or None
    return Evidence.model_validate({**measured, "codes": codes})
