"""Incident record: the record of each incident and its timeline in words."""

from dataclasses import dataclass, field
from typing import Any, Self

from changes.calendar import CalendarView
from correlation.alert_draft import blamed
from correlation.evaluation import EvaluatedIncident
from correlation.grading.incident_category import Category
from correlation.records.revisions import LastRevision
from correlation.records.similar_incidents import PastIncidents, past
from correlation.records.timeline import Timeline
from correlation.snapshots import IncidentSnapshot
from correlation.wording.next_step import contact, next_step, over_at_origin
from correlation.wording.summary import incident_summary
from models.incident import Incident, Missing
from models.state_tree import from_tree, to_plain
from models.times import instant

_FORMER_FIELDS = 8


@dataclass(slots=True)
class IncidentHistory:
    """The published facts and the timeline of one incident so far."""

    issued: LastRevision = field(default_factory=LastRevision)
    timeline: Timeline = field(default_factory=Timeline)
    summary: str = ""
    next_step: str = ""
    contact: str | None = None
    processes: set[str] = field(default_factory=set)
    category: Category = field(default=Category(5, ""))


class IncidentRecorder:
    """The stories of the incidents that are open or may come back, and the similar incidents that are over."""

    def __init__(self, remembered: int) -> None:
        self._stories: dict[str, IncidentHistory] = {}
        self._memory = PastIncidents(remembered)

    def __bool__(self) -> bool:
        return bool(self._stories)

    def record(self, situation: EvaluatedIncident, view: CalendarView) -> Incident | None:
        """The revision of this window, if there is one."""
        story = self._stories.setdefault(situation.event.incident_id, IncidentHistory())
        if situation.event.merged_into is not None and not story.issued.revision:
            return None
        self._update_texts(story, situation, view)
        resolved = situation.event.resolved_us is not None
        course = situation.event.course
        status = story.issued.next_status(
            _signature(situation, story), resolved=resolved, depth=course.depth or 0.0, affected=len(situation.case.affected_users)
        )
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
            phase="tail" if resolved else event.course.phase,
            severity=situation.severity,
            opened_at=instant(event.opened_us),
            ended_at=None if event.ended_us is None else instant(event.ended_us),
            resolved_at=None if event.resolved_us is None else instant(event.resolved_us),
            kinds=tuple(sorted({episode.kind for episode in case.episodes})),
            origin_user=event.origin_user,
            region=_region(case),
            depth=event.course.depth,
            peak_depth=event.course.peak_depth,
            missing={
                process: Missing(messages=lost.messages, low=lost.low, high=lost.high) for process, lost in situation.missing().items()
            },
            affected_users=case.affected_users,
            could_be_affected=situation.could_be_affected,
            next_step=story.next_step,
            contact=story.contact,
            alert_ids=tuple(event.members),
            suspects=situation.judgement.suspects,
            threatened_changes=situation.threatened,
            processes=tuple(sorted(story.processes)),
            category=story.category.number,
            category_reason=story.category.reason,
            summary=story.summary,
            timeline=story.timeline.entries(),
            similar=self._memory.like(now),
        )

    def forget(self, incident_ids: set[str]) -> None:
        """Removes all other incidents."""
        self._stories = {key: story for key, story in self._stories.items() if key in incident_ids}

    def _update_texts(self, story: IncidentHistory, situation: EvaluatedIncident, view: CalendarView) -> None:
        at_us = situation.case.at_us
        if situation.event.merged_into is not None:
            story.summary = f"Merged into {situation.event.merged_into}: it is one event."
            story.next_step = f"Follow incident {situation.event.merged_into}."
            story.timeline.merged(at_us, story.summary)
            return
        if situation.drafts:
            story.processes |= {process for draft in situation.drafts for process in draft.processes}
            story.summary = incident_summary(situation.case, _suffering(situation), situation.drafts[0], view, situation.event.ended_us)
            story.category = situation.category
            lead = situation.drafts[0]
            story.next_step = over_at_origin(lead) if lead.collateral and not lead.resolved else next_step(lead, view)
            story.contact = contact(lead, view)
        story.timeline.follow(situation, view)

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return {"stories": to_plain(self._stories), "memory": self._memory.pack()}

    @classmethod
    def unpack(cls, remembered: int, tree: Any) -> Self:
        """Inverse of `pack`."""
        chronicle = cls(remembered)
        chronicle._stories = {key: from_tree(IncidentHistory, _present_form(story)) for key, story in tree["stories"]}
        chronicle._memory = PastIncidents.unpack(remembered, tree["memory"])
        return chronicle


def _present_form(story: list[Any]) -> list[Any]:
    """A packed story in the current form; before timelines were grouped it had lines, alerts, Users and a suspected change of its own."""
    if len(story) != _FORMER_FIELDS:
        return story
    issued, lines, _, users, _, summary, processes, category = story
    timeline = to_plain(
        Timeline(lines={f"former {number}": (at_us, text) for number, (at_us, text) in enumerate(lines[-10:])}, users=set(users))
    )
    return [issued, timeline, summary, "", None, processes, category]


def _suffering(situation: EvaluatedIncident) -> tuple[str, ...]:
    """Users that are still badly affected: none once the traffic as a whole has recovered."""
    course = situation.event.course
    return () if course.phase == "tail" or situation.event.resolved_us is not None else tuple(course.suffering)


def _region(case: IncidentSnapshot) -> str | None:
    """The one region that contains all of it."""
    regions = {key.region for episode in case.episodes for key in episode.series if not key.is_queue}
    return (regions.pop() or None) if len(regions) == 1 else None


def _signature(situation: EvaluatedIncident, story: IncidentHistory) -> tuple[object, ...]:
    return (
        situation.event.resolved_us is not None,
        situation.event.merged_into,
        situation.event.course.phase,
        situation.severity,
        story.category.number,
        situation.event.origin_user,
        tuple(sorted({episode.kind for episode in situation.case.episodes})),
        tuple(sorted(story.processes)),
        blamed(situation.judgement.suspects),
        tuple(change.change_id for change in situation.threatened),
    )
