"""Chronicle: each incident's record and its story in words, as it unfolds."""

from dataclasses import dataclass, field
from typing import Any, Self

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.evaluation import EvaluatedIncident
from correlation.grading.incident_category import Category
from correlation.records.revisions import LastRevision
from correlation.records.similar_incidents import PastIncidents, past
from correlation.wording.alert_text import KIND_LABELS, subject
from correlation.wording.summary import change_label, detection_line, incident_summary, newly_affected_line, onset_line, suspect_line
from models.incident import Incident, TimelineEntry
from models.state_tree import from_tree, to_plain
from models.times import instant
from models.vocabulary import SUSPECTED

_MOST = 200


@dataclass(slots=True)
class IncidentHistory:
    """What was told and written of one incident so far."""

    issued: LastRevision = field(default_factory=LastRevision)
    lines: list[tuple[int, str]] = field(default_factory=list)
    alerts: dict[str, bool] = field(default_factory=dict)
    """alert_id → whether it was resolved when last told."""
    users: set[str] = field(default_factory=set)
    blamed: str = ""
    summary: str = ""
    processes: set[str] = field(default_factory=set)
    category: Category = field(default=Category(5, ""))


class IncidentRecorder:
    """Stories of the incidents that are open or may come back, and a memory of those that are over."""

    def __init__(self, remembered: int) -> None:
        self._stories: dict[str, IncidentHistory] = {}
        self._memory = PastIncidents(remembered)

    def __bool__(self) -> bool:
        return bool(self._stories)

    def record(self, situation: EvaluatedIncident, view: CalendarView) -> Incident | None:
        """The revision that this window brings, if any."""
        story = self._stories.setdefault(situation.event.incident_id, IncidentHistory())
        if situation.event.merged_into is not None and not story.issued.revision:
            return None
        self._tell(story, situation, view)
        resolved = situation.event.resolved_us is not None
        status = story.issued.next_status(_signature(situation, story), resolved=resolved)
        if status is None:
            return None
        event, case = situation.event, situation.case
        now = past(case, tuple(sorted(story.processes)), situation.judgement.suspects, view)
        if resolved and event.merged_into is None:
            self._memory.keep(now)
        return Incident(
            incident_id=event.incident_id,
            revision=story.issued.revision,
            as_of=instant(case.at_us),
            status=status,
            opened_at=instant(event.opened_us),
            resolved_at=None if event.resolved_us is None else instant(event.resolved_us),
            kinds=tuple(sorted({episode.kind for episode in case.episodes})),
            origin_user=event.origin_user,
            affected_users=case.affected_users,
            alert_ids=tuple(event.members),
            suspects=situation.judgement.suspects,
            threatened_changes=situation.threatened,
            processes=tuple(sorted(story.processes)),
            category=story.category.number,
            category_reason=story.category.reason,
            summary=story.summary,
            timeline=tuple(TimelineEntry(at=instant(at_us), text=text) for at_us, text in sorted(story.lines, key=lambda line: line[0])),
            similar=self._memory.like(now),
        )

    def forget(self, incident_ids: set[str]) -> None:
        """Drops all but these."""
        self._stories = {key: story for key, story in self._stories.items() if key in incident_ids}

    def _tell(self, story: IncidentHistory, situation: EvaluatedIncident, view: CalendarView) -> None:
        at_us = situation.case.at_us
        if situation.event.merged_into is not None:
            story.summary = f"Merged into {situation.event.merged_into}: it is one event."
            self._line(story, at_us, story.summary)
            return
        for draft in situation.drafts:
            self._tell_alert(story, draft)
        fresh = sorted(set(situation.case.affected_users) - story.users)
        if fresh:
            story.users |= set(fresh)
            self._line(story, at_us, newly_affected_line(fresh, at_us))
        self._tell_cause(story, situation, view)
        if situation.drafts:
            story.processes |= {process for draft in situation.drafts for process in draft.processes}
            story.summary = incident_summary(situation.case, situation.drafts[0], view)
            story.category = situation.category

    def _tell_alert(self, story: IncidentHistory, draft: Draft) -> None:
        episode, told = draft.episode, story.alerts.get(draft.episode.alert_id)
        if told is None and (not draft.collateral or episode.user not in draft.affected):
            self._line(story, episode.onset_us, onset_line(draft))
            self._line(story, episode.detected_us, detection_line(draft))
        elif told is not None and told != draft.resolved:
            end = "over" if draft.resolved else "back"
            self._line(story, draft.case.at_us, f"{subject(episode)}: {KIND_LABELS[episode.kind]} {end}.")
        story.alerts[episode.alert_id] = draft.resolved

    def _tell_cause(self, story: IncidentHistory, situation: EvaluatedIncident, view: CalendarView) -> None:
        first = situation.judgement.suspects[0] if situation.judgement.suspects else None
        blamed = f"{first.change_id} {first.owner} {first.verdict}" if first is not None and first.verdict in SUSPECTED else ""
        if first is not None and blamed and blamed != story.blamed:
            self._line(story, situation.case.at_us, suspect_line(first, view, situation.case.at_us))
            change = view.by_key.get(first.key or "")
            if change is not None:
                start_us, _ = view.window(change)
                self._line(story, start_us, f"Change begins: {change_label(change, view, situation.case.at_us)}.")
        story.blamed = blamed

    def _line(self, story: IncidentHistory, at_us: int, text: str) -> None:
        if len(story.lines) < _MOST and (at_us, text) not in story.lines:
            story.lines.append((at_us, text))

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return {"stories": to_plain(self._stories), "memory": self._memory.pack()}

    @classmethod
    def unpack(cls, remembered: int, tree: Any) -> Self:
        """The chronicle that `pack` was called on."""
        chronicle = cls(remembered)
        chronicle._stories = from_tree(dict[str, IncidentHistory], tree["stories"])
        chronicle._memory = PastIncidents.unpack(remembered, tree["memory"])
        return chronicle


def _signature(situation: EvaluatedIncident, story: IncidentHistory) -> tuple[object, ...]:
    suspects = situation.judgement.suspects
    return (
        situation.event.resolved_us,
        situation.event.merged_into,
        story.category.number,
        situation.event.origin_user,
        situation.case.affected_users,
        tuple(sorted(situation.event.members)),
        tuple(sorted(story.processes)),
        tuple((one.change_id, one.owner, one.basis, one.verdict) for one in suspects),
        tuple(change.change_id for change in situation.threatened),
    )
