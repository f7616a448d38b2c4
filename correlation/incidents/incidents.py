"""Incidents: alerts of one event across kinds, series and Users, however late a piece comes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from correlation.incidents.membership import (
    HARM_KINDS,
    MembershipRules,
    can_cause_harm,
    is_later_effect,
    is_self_inflicted_storm,
    origin,
    possible_causes,
    started_together,
)
from correlation.incidents.recovery import LOSS_KINDS, Course, Elsewhere, Traffic, traffic_of
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.state_tree import from_tree, to_plain
from models.times import MINUTE_US, SECOND_US
from models.vocabulary import Severity

SETTLES_US = 15 * MINUTE_US
"""How long the last minutes still show a trouble that is over."""


@dataclass(slots=True)
class OpenIncident:
    """One incident's state: its alerts, where it began, whom it hurts."""

    incident_id: str
    opened_us: int
    """`detected_at` of its first alert."""
    members: dict[str, AlertSnapshot] = field(default_factory=dict)
    """By alert_id; the latest facts of each."""
    origin_user: str | None = None
    affected: set[str] = field(default_factory=set)
    """Users that suffered at any time; nobody is taken off while the incident lasts."""
    resolved_us: int | None = None
    """The window that decided that it is over."""
    merged_into: str | None = None
    worst: tuple[int, str] = (6, "")
    """The gravest category that was proposed while it lasted, with its reason."""
    declared_alerts: dict[str, str] = field(default_factory=dict)
    """Alerts that keep to what a change declared, as far as was seen last → that change."""
    changed_us: int = 0
    """The last window that brought or took a member, or decided that it is over or back."""
    ended_us: int | None = None
    """When its trouble ended (estimated); None while it goes on."""
    worst_size: float = 0.0
    """How large it was then: by affected Users, then by waiting messages."""
    severity: Severity = "info"
    """The gravest of its alerts when they were looked at last."""
    course: Course = field(default_factory=Course)

    def update_origin(self, parameters: CorrelationParameters, *, anew: bool) -> None:
        """Judges who suffers, and where it began if that is open; a piece that comes late does not make a beginning."""
        if anew:
            self.origin_user = origin(tuple(self.members.values()), parameters, self.origin_user)
        harmed = {member.user for member in self.members.values() if member.user is not None and member.kind in HARM_KINDS}
        several = self.origin_user is not None or len(harmed) > 1
        self.affected = {user for user in (self.affected | harmed if several else self.affected) if user != self.origin_user}

    def case(self, at_us: int) -> IncidentSnapshot:
        """The facts that a judgement starts from."""
        episodes = tuple(sorted(self.members.values(), key=lambda episode: (episode.onset_us, episode.alert_id)))
        own = [episode for episode in episodes if self.origin_user is None or episode.user == self.origin_user]
        return IncidentSnapshot(
            self.incident_id,
            episodes,
            self.origin_user,
            min(episode.onset_us for episode in own or episodes),
            min(episode.detected_us for episode in episodes),
            at_us,
            tuple(sorted(self.affected)),
            tuple(sorted({key.region for episode in episodes for key in episode.series if key.region})),
        )


class Incidents:
    """All incidents of one reader that are open or may come back."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self.events: dict[str, OpenIncident] = {}
        self._of: dict[str, str] = {}
        """alert_id → incident_id"""

    def __bool__(self) -> bool:
        return bool(self.events)

    def of(self, alert_id: str) -> OpenIncident:
        """The incident that an alert belongs to."""
        return self.events[self._of[alert_id]]

    def apply(self, at_us: int, episodes: Sequence[AlertSnapshot], alerts: Mapping[str, bool], joining: MembershipRules) -> None:
        """One window's touched alerts. `alerts`: every alert that is open or may come back → whether it is open."""
        fresh = [episode for episode in episodes if episode.alert_id not in self._of]
        self._refresh(at_us, [episode for episode in episodes if episode.alert_id in self._of])
        # What somebody sends comes first, then what is blocked: the rest may be an effect of either, whatever its User's name.
        for episode in sorted(
            fresh, key=lambda one: (not is_self_inflicted_storm(one), not can_cause_harm(one), one.onset_us, one.detected_us, one.alert_id)
        ):
            self._place(at_us, episode, joining)
        if fresh:
            self._merge(at_us, joining)
        for event in self.events.values():
            self._settle(at_us, event, alerts)
        self._forget(at_us, alerts)

    def _refresh(self, at_us: int, episodes: Sequence[AlertSnapshot]) -> None:
        known: dict[str, OpenIncident] = {}
        for episode in episodes:
            event = self.of(episode.alert_id)
            event.members[episode.alert_id] = episode
            known[event.incident_id] = event
        for event in known.values():
            # Onsets are estimated again while an event is young; later its origin stays.
            if at_us - event.opened_us <= self._parameters.together_s * SECOND_US:
                event.update_origin(self._parameters, anew=True)

    def _place(self, at_us: int, episode: AlertSnapshot, joining: MembershipRules) -> None:
        event = self._incident_for(at_us, episode, joining)
        if event is not None and event.origin_user not in (None, episode.user):
            # Those who were measured to suffer alike will have alerts of their own a little later.
            others = joining.measure(episode, event.origin_user)
            event.affected |= set(others.users if others.shared else ())
        if event is None:
            event = OpenIncident(_id_of(episode), episode.detected_us)
            self.events[event.incident_id] = event
        self._add(at_us, event, [episode])
        if is_self_inflicted_storm(episode):
            self._take_back(at_us, event, episode)

    def _take_back(self, at_us: int, event: OpenIncident, storm: AlertSnapshot) -> None:
        """What a User's storm did to itself may have been taken for the effect of another's incident a window before."""
        since_us = storm.onset_us - self._parameters.onset_error_s * SECOND_US
        for other in list(self.events.values()):
            if other is event or other.merged_into is not None or other.origin_user in (None, storm.user):
                continue
            taken = [member for member in other.members.values() if member.user == storm.user and member.onset_us >= since_us]
            if taken:
                for member in taken:
                    del other.members[member.alert_id]
                other.affected -= {storm.user} if all(member.user != storm.user for member in other.members.values()) else set()
                other.changed_us = at_us
                self._add(at_us, event, taken)

    def _add(self, at_us: int, event: OpenIncident, episodes: Sequence[AlertSnapshot]) -> None:
        for episode in episodes:
            event.members[episode.alert_id] = episode
            self._of[episode.alert_id] = event.incident_id
        event.changed_us = at_us
        young = at_us - event.opened_us <= self._parameters.together_s * SECOND_US
        event.update_origin(
            self._parameters, anew=young or event.origin_user is None or any(is_self_inflicted_storm(one) for one in episodes)
        )

    def _incident_for(
        self, at_us: int, episode: AlertSnapshot, joining: MembershipRules, besides: OpenIncident | None = None
    ) -> OpenIncident | None:
        """The incident that `episode` belongs to: its own User's first, then the nearest that spills over, then a shared cause."""
        live = sorted(
            (
                event
                for event in self.events.values()
                if event is not besides and event.merged_into is None and self._may_return(at_us, event)
            ),
            key=lambda event: _distance(episode, event, event.case(at_us)),
        )
        if joining.declared_cause(episode) is not None:
            return next((event for event in live if joining.shares_declared_cause(episode, event.members.values())), None)
        if joining.is_regional(episode):
            return next((event for event in live if event.origin_user is None and _in_region(episode, event, joining)), None)
        tests: tuple[Callable[[OpenIncident], bool], ...] = (
            lambda event: _may_hold(event, episode) and started_together(episode, _of_users(event, episode, joining), self._parameters),
            lambda event: _related(episode, event, joining),
            lambda event: _may_hold(event, episode) and is_later_effect(episode, _of_users(event, episode, joining), self._parameters),
        )
        return next((event for test in tests for event in live if test(event)), None)

    def _may_return(self, at_us: int, event: OpenIncident) -> bool:
        return event.resolved_us is None or at_us <= event.resolved_us + self._parameters.reopen_s * SECOND_US

    def release(self, at_us: int, event: OpenIncident, joining: MembershipRules) -> None:
        """Checks the effects of an incident again; alerts that do not belong to it move to another incident, or become one of their own."""
        members = tuple(event.members.values())
        leaving = [
            member
            for member in members
            if _id_of(member) != event.incident_id and joining.belongs_elsewhere(member, members, event.origin_user)
        ]
        for member in leaving:
            del event.members[member.alert_id], self._of[member.alert_id]
        staying = {member.user for member in event.members.values()}
        event.affected -= {str(member.user) for member in leaving} - staying
        regional: dict[str | None, OpenIncident] = {}
        for member in sorted(leaving, key=lambda one: (one.onset_us, one.alert_id)):
            event.changed_us = at_us
            home = self._incident_for(at_us, member, joining, besides=event)
            of_region = joining.is_regional(member)
            if home is None and of_region:
                home = regional.get(member.region)
            if home is None:
                home = self.events[_id_of(member)] = OpenIncident(_id_of(member), member.detected_us)
            if of_region:
                regional.setdefault(member.region, home)
            self._add(at_us, home, [member])
        for home in regional.values():
            self._name_nobody(home)

    def _name_nobody(self, event: OpenIncident) -> None:
        """What several Users of a region share began at none of them."""
        users = {member.user for member in event.members.values() if member.user is not None}
        if len(users) > 1 and event.origin_user is not None:
            event.origin_user, event.affected = None, event.affected | users

    def _merge(self, at_us: int, joining: MembershipRules) -> None:
        """Incidents that turn out to be one become one; the oldest keeps its id."""
        live = (event for event in self.events.values() if event.resolved_us is None)
        order = sorted(live, key=lambda event: (event.opened_us, event.incident_id))
        leads = [_lead(event) for event in order]
        for number, older in enumerate(order):
            for younger in order[number + 1 :]:
                apart = older.merged_into is not None or younger.merged_into is not None
                if apart or _two_causes(older, younger):
                    continue
                if _is_same_incident(older, younger, joining) or joining.began_with_a_third(_lead(older), _lead(younger), leads):
                    self._absorb(at_us, older, younger)

    def _absorb(self, at_us: int, older: OpenIncident, younger: OpenIncident) -> None:
        self._add(at_us, older, list(younger.members.values()))
        older.affected |= {user for user in younger.affected if user != older.origin_user}
        younger.merged_into, younger.resolved_us, younger.ended_us, younger.changed_us = older.incident_id, at_us, at_us, at_us

    def _settle(self, at_us: int, event: OpenIncident, alerts: Mapping[str, bool]) -> None:
        if event.merged_into is not None:
            return
        is_open = any(alerts.get(alert_id, False) for alert_id in event.members)
        if is_open:
            event.resolved_us = event.ended_us = None
        elif event.resolved_us is None:
            event.resolved_us = at_us
            event.ended_us = max(episode.ended_us or at_us for episode in event.members.values())

    def hit_by_others(self, event: OpenIncident, *, younger: bool = False) -> Elsewhere:
        """What other incidents disturb now: losses of the same traffic, and all of their origins, are no evidence about this one's end.

        `younger`: only those that began later; what an older one takes is in the hours before already.
        """
        traffic: dict[Traffic, str] = {}
        users: dict[str, str] = {}
        for incident_id, other in sorted(self.events.items()):
            if younger and (other.opened_us, incident_id) <= (event.opened_us, event.incident_id):
                continue
            if other is event or other.merged_into is not None or other.resolved_us is not None or other.course.back_since_us is not None:
                continue
            members = tuple(other.members.values())
            if any(cause.open for cause in possible_causes(members, other.origin_user)):
                traffic |= dict.fromkeys(_spread(members, other.origin_user), incident_id)
                users |= {} if other.origin_user in (None, event.origin_user) else {str(other.origin_user): incident_id}
        return Elsewhere(traffic, users)

    def is_overlaid(self, event: OpenIncident, at_us: int, *, by_older: bool = False) -> bool:
        """Whether a younger (or an older) incident of another origin hurts Users, or did some minutes ago: a common loss may be its doing.

        To name too few Users is better than to blame an origin for what another one does.
        """
        return any(
            other.origin_user not in (None, event.origin_user)
            and other.affected
            and other.merged_into is None
            and incident_id != event.incident_id
            and by_older == ((other.opened_us, incident_id) < (event.opened_us, event.incident_id))
            and (other.resolved_us is None or at_us < other.resolved_us + SETTLES_US)
            for incident_id, other in self.events.items()
        )

    def move(self, at_us: int, event: OpenIncident, alert_id: str, to: str) -> None:
        """What is left of an incident that is over, but belongs to another one that goes on."""
        member = event.members.pop(alert_id)
        home = self.events[to]
        home.members[alert_id], self._of[alert_id] = member, to
        event.changed_us = home.changed_us = at_us
        home.update_origin(self._parameters, anew=False)

    def _forget(self, at_us: int, alerts: Mapping[str, bool]) -> None:
        over = [event for event in self.events.values() if event.resolved_us is not None and not self._may_return(at_us, event)]
        for event in over:
            if event.merged_into is None and any(alert_id in alerts for alert_id in event.members):
                continue
            incident_id = event.incident_id
            del self.events[incident_id]
            for alert_id in event.members:
                if self._of.get(alert_id) == incident_id:
                    del self._of[alert_id]

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return to_plain([self.events[key] for key in sorted(self.events)])

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Any) -> Self:
        """The incidents that `pack` was called on."""
        incidents = cls(parameters)
        for event in from_tree(list[OpenIncident], tree):
            incidents.events[event.incident_id] = event
            if event.merged_into is None:
                incidents._of |= dict.fromkeys(event.members, event.incident_id)
        return incidents


def _id_of(first: AlertSnapshot) -> str:
    """The id of the incident that an alert is the first of."""
    return f"I-{first.alert_id[2:]}"


def _spread(members: Sequence[AlertSnapshot], origin_user: str | None) -> set[Traffic]:
    """Traffic of which two Users or more suffer a loss or failures."""
    users: dict[Traffic, set[str]] = {}
    for member in members:
        if member.user not in (None, origin_user) and member.kind in LOSS_KINDS and member.open:
            for key in member.series:
                users.setdefault(traffic_of(key), set()).add(key.user)
    return {traffic for traffic, of in users.items() if len(of) > 1}


def _distance(episode: AlertSnapshot, event: OpenIncident, case: IncidentSnapshot) -> tuple[int, bool, int, int, str]:
    """How far an incident is from an alert: in time, else in place; of two as near, the one that more Users are in, then the older one."""
    elsewhere = episode.region is not None and episode.region not in case.regions
    return abs(case.onset_us - episode.onset_us), elsewhere, -len(case.users), event.opened_us, event.incident_id


def _related(episode: AlertSnapshot, event: OpenIncident, joining: MembershipRules) -> bool:
    members = tuple(event.members.values())
    if not joining.shares_declared_cause(episode, members):
        return False
    if joining.spills_over(episode, members, event.origin_user):
        return True
    if episode.user is not None and joining.spills_over(_lead(event), (episode,), episode.user):
        return True
    if not _may_hold(event, episode):
        return False
    if joining.shares_cause(episode, members) or joining.follows_crowd(episode, members):
        return True
    return joining.touches_region(episode, members) or any(joining.touches_region(member, (episode,)) for member in members)


def _of_users(event: OpenIncident, episode: AlertSnapshot, joining: MembershipRules) -> list[AlertSnapshot]:
    """Members that what a User sends may belong to: its failures that its whole region has are of the region, whatever it sends."""
    members = event.members.values()
    if not is_self_inflicted_storm(episode):
        return list(members)
    return [member for member in members if member.user != episode.user or not joining.is_regional(member)]


def _in_region(episode: AlertSnapshot, event: OpenIncident, joining: MembershipRules) -> bool:
    """Whether an incident is the trouble of a whole region that an alert is part of."""
    members = tuple(event.members.values())
    alike = any(member.region == episode.region and member.kind in HARM_KINDS for member in members)
    return joining.touches_region(episode, members) or (
        alike and (joining.shares_cause(episode, members) or joining.follows_crowd(episode, members))
    )


def _may_hold(event: OpenIncident, episode: AlertSnapshot) -> bool:
    """What a User sends of itself is no effect of an incident that began at another; of one that began at nobody it may be."""
    if not is_self_inflicted_storm(episode) or event.origin_user == episode.user:
        return True
    members = event.members.values()
    return event.origin_user is None and any(is_self_inflicted_storm(member) or member.user == episode.user for member in members)


def _is_same_incident(older: OpenIncident, younger: OpenIncident, joining: MembershipRules) -> bool:
    return _related(_lead(younger), older, joining) or _related(_lead(older), younger, joining)


def _two_causes(older: OpenIncident, younger: OpenIncident) -> bool:
    """Whether each has what may harm others, at different Users, and one of them a storm: those are two events however alike in time."""
    if older.origin_user == younger.origin_user:
        return False
    causes = [possible_causes(tuple(event.members.values()), event.origin_user) for event in (older, younger)]
    return all(causes) and any(is_self_inflicted_storm(driver) for of in causes for driver in of)


def _lead(event: OpenIncident) -> AlertSnapshot:
    """The member that the event began with; what somebody sends before what comes of it."""
    own = [member for member in event.members.values() if event.origin_user is None or member.user == event.origin_user]
    return min(own, key=lambda member: (not is_self_inflicted_storm(member), member.onset_us, member.alert_id))
