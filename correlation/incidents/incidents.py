"""Incidents: alerts of one event across kinds, series and Users, however late a piece comes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from correlation.incidents.harm import LOSS_KINDS, Elsewhere, Traffic, traffic_of
from correlation.incidents.membership import (
    MembershipRules,
    can_cause_harm,
    is_later_effect,
    is_self_inflicted_storm,
    possible_causes,
    started_together,
)
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.relation import distance, in_region, is_related, is_same_incident, lead_of, may_hold, members_for, two_causes
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.state_tree import from_tree, to_plain
from models.times import MINUTE_US, SECOND_US

SETTLES_US = 15 * MINUTE_US
"""How long the last minutes still show a trouble that is over."""


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
        self._refresh(at_us, [episode for episode in episodes if episode.alert_id in self._of], joining)
        # What somebody sends comes first, then what is blocked: the rest may be an effect of either, whatever its User's name.
        for episode in sorted(
            fresh, key=lambda one: (not is_self_inflicted_storm(one), not can_cause_harm(one), one.onset_us, one.detected_us, one.alert_id)
        ):
            self._assign(at_us, episode, joining)
        if fresh:
            self._merge(at_us, joining)
        for event in self.events.values():
            self._settle(at_us, event, alerts)
        self._forget(at_us, alerts)

    def _refresh(self, at_us: int, episodes: Sequence[AlertSnapshot], joining: MembershipRules) -> None:
        known: dict[str, OpenIncident] = {}
        for episode in episodes:
            event = self.of(episode.alert_id)
            if event.resolved_us is not None and episode.open and not event.members[episode.alert_id].open:
                event = self._returns_to(at_us, event, episode, joining)
            event.members[episode.alert_id] = episode
            known[event.incident_id] = event
        for event in known.values():
            # Onsets are estimated again while an event is young; later its origin stays.
            if at_us - event.opened_us <= self._parameters.together_s * SECOND_US:
                event.update_origin(self._parameters, again=True)

    def _returns_to(self, at_us: int, event: OpenIncident, episode: AlertSnapshot, joining: MembershipRules) -> OpenIncident:
        """Where an alert goes that comes back once its incident is over: another's effect may be that of an incident that goes on."""
        if event.origin_user in (None, episode.user) or _id_of(episode) == event.incident_id:
            return event
        home = self._incident_for(at_us, episode, joining, besides=event)
        if home is None or home.resolved_us is not None or not joining.spills_over(episode, tuple(home.members.values()), home.origin_user):
            return event
        self.move(at_us, event, episode.alert_id, home.incident_id)
        return home

    def _assign(self, at_us: int, episode: AlertSnapshot, joining: MembershipRules) -> None:
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
                other.forget_users({str(storm.user)})
                other.changed_us = at_us
                self._add(at_us, event, taken)

    def _add(self, at_us: int, event: OpenIncident, episodes: Sequence[AlertSnapshot]) -> None:
        for episode in episodes:
            event.members[episode.alert_id] = episode
            self._of[episode.alert_id] = event.incident_id
        event.changed_us = at_us
        young = at_us - event.opened_us <= self._parameters.together_s * SECOND_US
        event.update_origin(
            self._parameters, again=young or event.origin_user is None or any(is_self_inflicted_storm(one) for one in episodes)
        )

    def _incident_for(
        self, at_us: int, episode: AlertSnapshot, joining: MembershipRules, besides: OpenIncident | None = None
    ) -> OpenIncident | None:
        """The incident that `episode` belongs to: its own User's first, then the nearest that spills over, then a shared cause."""
        live = sorted(
            (
                event
                for event in self.events.values()
                if event is not besides and event.merged_into is None and self.may_return(at_us, event)
            ),
            key=lambda event: distance(episode, event, event.case(at_us)),
        )
        if joining.declared_cause(episode) is not None:
            return next((event for event in live if joining.shares_declared_cause(episode, event.members.values())), None)
        if joining.is_regional(episode):
            return next((event for event in live if event.origin_user is None and in_region(episode, event, joining)), None)
        own = [member for event in live for member in event.members.values() if member.user == episode.user and member.open]
        if not any(is_self_inflicted_storm(member) or member.kind == "backlog" for member in own):
            elsewhere = next(
                (event for event in live if joining.suffers_from(episode, tuple(event.members.values()), event.origin_user)), None
            )
            if elsewhere is not None:
                return elsewhere
        tests: tuple[Callable[[OpenIncident], bool], ...] = (
            lambda event: may_hold(event, episode) and started_together(episode, members_for(event, episode, joining), self._parameters),
            lambda event: event.resolved_us is None and event.course.back_since_us is None and is_related(episode, event, joining),
            lambda event: is_related(episode, event, joining),
            lambda event: may_hold(event, episode) and is_later_effect(episode, members_for(event, episode, joining), self._parameters),
        )
        return next((event for test in tests for event in live if test(event)), None)

    def may_return(self, at_us: int, event: OpenIncident) -> bool:
        """Whether what comes back now is still the same incident."""
        return event.resolved_us is None or at_us <= event.resolved_us + self._parameters.reopen_s * SECOND_US

    def release(self, at_us: int, event: OpenIncident, joining: MembershipRules) -> None:
        """Checks the effects of an incident again; alerts that do not belong to it move to another incident, or become one of their own."""
        own = tuple(member for member in event.members.values() if member.user == event.origin_user)
        leaving = [
            member
            for member in event.members.values()
            if _id_of(member) != event.incident_id and joining.belongs_elsewhere(member, own, event.origin_user)
        ]
        for member in leaving:
            del event.members[member.alert_id], self._of[member.alert_id]
        event.forget_users({str(member.user) for member in leaving})
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
        leads = [lead_of(event) for event in order]
        for number, older in enumerate(order):
            for younger in order[number + 1 :]:
                is_merged = older.merged_into is not None or younger.merged_into is not None
                if is_merged or two_causes(older, younger):
                    continue
                if is_same_incident(older, younger, joining) or joining.began_with_a_third(lead_of(older), lead_of(younger), leads):
                    self._absorb(at_us, older, younger)

    def _absorb(self, at_us: int, older: OpenIncident, younger: OpenIncident) -> None:
        self._add(at_us, older, list(younger.members.values()))
        older.affected |= younger.affected - {older.origin_user}
        older.earlier |= younger.earlier - {older.origin_user}
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

    def overlaid_by(self, event: OpenIncident, at_us: int, *, older: bool = False) -> list[OpenIncident]:
        """Younger (or older) incidents of other origins that hurt Users, or did some minutes ago: a common loss may be their doing.

        To name too few Users is better than to blame an origin for what another one does.
        """
        return [
            other
            for incident_id, other in sorted(self.events.items())
            if other.origin_user not in (None, event.origin_user)
            and other.affected | other.earlier
            and other.merged_into is None
            and incident_id != event.incident_id
            and older == ((other.opened_us, incident_id) < (event.opened_us, event.incident_id))
            and (other.resolved_us is None or at_us < other.resolved_us + SETTLES_US)
        ]

    def move(self, at_us: int, event: OpenIncident, alert_id: str, to: str) -> None:
        """What is left of an incident that is over, but belongs to another one that goes on."""
        member = event.members.pop(alert_id)
        home = self.events[to]
        home.members[alert_id], self._of[alert_id] = member, to
        event.changed_us = home.changed_us = at_us
        home.update_origin(self._parameters, again=False)

    def _forget(self, at_us: int, alerts: Mapping[str, bool]) -> None:
        over = [
            event
            for _, event in sorted(self.events.items())
            if event.resolved_us is not None
            and not self.may_return(at_us, event)
            and (event.merged_into is not None or not any(alert_id in alerts for alert_id in event.members))
        ]
        for event in over:
            del self.events[event.incident_id]
            for alert_id in event.members:
                if self._of.get(alert_id) == event.incident_id:
                    del self._of[alert_id]
        gone = [one for event in over if event.merged_into is None and ((one := event.as_companion(at_us)).silent or one.processes)]
        if gone:
            for event in self.events.values():
                event.remember(gone, at_us)

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
