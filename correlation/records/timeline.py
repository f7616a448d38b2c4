"""Timeline: an incident's story in at most 25 lines; what happens to many Users is one line."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.evaluation import EvaluatedIncident
from correlation.phrases import clock, figure, listed
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from correlation.wording.alert_text import KIND_LABELS, detected, subject
from correlation.wording.shared_trouble import headline, location
from correlation.wording.summary import change_label, suspect_line
from models.incident import TimelineEntry
from models.times import MINUTE_US, instant
from models.vocabulary import SUSPECTED

MAX_LINES = 25
_GROUP_GAP_US = 30 * MINUTE_US
"""Users that begin to suffer within this time of each other are one line."""
_DEPTHS = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
_NAMED_USERS = 3
_SPARED = ("begin", "end", "category", "depth")
"""Lines that stay when there are too many."""


@dataclass(slots=True)
class Affected:
    """Users that began to suffer one after the other."""

    since_us: int
    until_us: int
    users: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Timeline:
    """Lines by subject, so that a line can be replaced later."""

    lines: dict[str, tuple[int, str]] = field(default_factory=dict)
    affected: list[Affected] = field(default_factory=list)
    users: set[str] = field(default_factory=set)
    category: int = 6
    phase: str = ""
    ended: bool = False
    relapses: int = 0

    def entries(self) -> tuple[TimelineEntry, ...]:
        """By time."""
        lines = sorted(self.lines.items(), key=lambda line: (line[1][0], list(self.lines).index(line[0])))
        spare = [key for key, _ in lines if not key.startswith(_SPARED)]
        left_out = set(spare[: max(0, len(lines) - MAX_LINES)])
        kept = [line for key, line in lines if key not in left_out][-MAX_LINES:]
        return tuple(TimelineEntry(at=instant(at_us), text=text) for at_us, text in kept)

    def merged(self, at_us: int, text: str) -> None:
        """The incident proved to be part of another incident."""
        self.lines["end merged"] = (at_us, text)

    def follow(self, situation: EvaluatedIncident, view: CalendarView) -> None:
        """The lines that one window adds."""
        at_us = situation.case.at_us
        self._begins(situation.drafts)
        self._spreads(situation.case, at_us)
        self._deepens(situation.event.course.depth, at_us)
        if situation.drafts and situation.category.number < self.category:
            self.category = situation.category.number
            self.lines[f"category {self.category}"] = (at_us, f"Category {self.category}: {situation.category.reason}")
        for change in situation.threatened:
            self.lines.setdefault(f"threat {change.change_id}", (at_us, f"Puts {change.change_id} at risk. {change.why}"))
        self._suspects(situation, view)
        self._recovers(situation)

    def _begins(self, drafts: Sequence[Draft]) -> None:
        """The first alert of each kind at the origin; of kinds that began at several Users at once, the first."""
        for draft in drafts:
            episode = draft.episode
            key = f"begin {episode.kind}"
            where = location(draft.case)
            begun = self.lines.get(key)
            if draft.collateral or episode.resolved_us is not None or (begun and (where is None or begun[1].startswith(where))):
                continue
            onset_us, detected_us = episode.onset_us, episode.detected_us
            if begun is not None:
                # It was one User's at first, and several began in truth.
                onset_us, detected_us = min(onset_us, begun[0]), min(detected_us, self.lines[f"{key} seen"][0])
            begin = "begin" if episode.kind == "failures" else "begins"
            self.lines[key] = (onset_us, f"{where or subject(episode)}: {KIND_LABELS[episode.kind]} {begin} (estimated).")
            self.lines[f"{key} seen"] = (detected_us, _seen(episode) if where is None else headline(draft.case, where, kind=episode.kind))

    def _spreads(self, case: IncidentSnapshot, at_us: int) -> None:
        new = sorted(set(case.affected_users) - self.users)
        if not new:
            return
        self.users |= set(new)
        if not self.affected or at_us - self.affected[-1].until_us > _GROUP_GAP_US:
            self.affected.append(Affected(at_us, at_us))
        group = self.affected[-1]
        group.until_us = at_us
        group.users += new
        self.lines[f"affected {len(self.affected)}"] = (group.since_us, _spread(group, " as well" if case.origin_user is not None else ""))

    def _deepens(self, depth: float | None, at_us: int) -> None:
        for power in _DEPTHS:
            if depth is not None and depth >= power:
                self.lines.setdefault(f"depth {power}", (at_us, f"More than {figure(power)} messages wait ({figure(depth)})."))

    def _suspects(self, situation: EvaluatedIncident, view: CalendarView) -> None:
        suspects = situation.judgement.suspects
        if not suspects or suspects[0].verdict not in SUSPECTED:
            return
        first, at_us = suspects[0], situation.case.at_us
        self.lines.setdefault(f"suspect {first.change_id} {first.owner} {first.verdict}", (at_us, suspect_line(first, view, at_us)))
        change = view.by_key.get(first.key or "")
        if change is not None:
            start_us, _ = view.window(change)
            self.lines.setdefault(f"change {change.change_id}", (start_us, f"Change begins: {change_label(change, view, at_us)}."))

    def _recovers(self, situation: EvaluatedIncident) -> None:
        event, at_us = situation.event, situation.case.at_us
        if event.course.phase == "recovering" and self.phase != "recovering" and event.resolved_us is None:
            what = "The queue begins to drain" if event.course.depth else "The traffic begins to recover"
            self.lines.setdefault("recovers", (at_us, f"{what}."))
        self.phase = event.course.phase
        if event.resolved_us is not None and event.ended_us is not None:
            self.lines[f"end {self.relapses}"] = (event.resolved_us, f"Over. The trouble ended at {clock(event.ended_us, at_us)}.")
            self.ended = True
        elif self.ended:
            self.relapses, self.ended = self.relapses + 1, False
            self.lines[f"end back {self.relapses}"] = (at_us, "It has come back.")


def _seen(episode: AlertSnapshot) -> str:
    return f"{subject(episode)}: {KIND_LABELS[episode.kind]} detected, {detected(episode)}."


def _spread(group: Affected, besides: str) -> str:
    count = len(group.users)
    if count == 1:
        return f"{group.users[0]} suffers{besides}."
    named = f" ({listed(group.users)})" if count <= _NAMED_USERS else ""
    when = f", {clock(group.since_us, group.until_us).removesuffix(' UTC')}–{clock(group.until_us, group.until_us)}"
    return f"{count} Users begin to suffer{besides}{named}{when if group.until_us > group.since_us else ''}."
