"""Relation: whether an alert, or another incident, belongs to an incident."""

from correlation.incidents.harm import LOSS_KINDS
from correlation.incidents.membership import HARM_KINDS, MembershipRules, is_self_inflicted_storm, possible_causes
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.spill_over import refuses_requests
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.times import MINUTE_US

_LEAST_USERS, _ERROR_US = 3, 5 * MINUTE_US
"""Other Users that lose alike, from which on a service or a region is in trouble; how much earlier an onset may be estimated."""


def is_related(episode: AlertSnapshot, event: OpenIncident, joining: MembershipRules) -> bool:
    """Whether an alert is part of an incident: an effect of it, its cause, or of one cause with it."""
    members = tuple(event.members.values())
    if not joining.shares_declared_cause(episode, members):
        return False
    if joining.spills_over(episode, members, event.origin_user):
        return True
    if episode.user is not None and joining.spills_over(lead_of(event), (episode,), episode.user):
        return True
    if not may_hold(event, episode):
        return False
    if joining.shares_cause(episode, members) or joining.follows_crowd(episode, members) or shares_place(episode, event, joining):
        return True
    return joining.touches_region(episode, members) or any(joining.touches_region(member, (episode,)) for member in members)


def shares_place(episode: AlertSnapshot, event: OpenIncident, joining: MembershipRules) -> bool:
    """Whether a loss is in the one service, or the one region, in which others lose at nobody's doing: a small User shows it later."""
    if event.origin_user is not None or event.resolved_us is not None or episode.kind not in LOSS_KINDS or joining.is_own_trouble(episode):
        return False
    others = [one for one in event.members.values() if one.open and one.kind in LOSS_KINDS and one.user not in (None, episode.user)]
    if len({one.user for one in others}) < _LEAST_USERS or episode.onset_us < min(one.onset_us for one in others) - _ERROR_US:
        return False
    services, regions = ({(key.service, key.region)[part] for one in others for key in one.series} for part in (0, 1))
    own = {key.service for key in episode.series}, {key.region for key in episode.series}
    return any(len(theirs) == 1 and "" not in theirs and mine == theirs for mine, theirs in zip(own, (services, regions), strict=True))


def members_for(event: OpenIncident, episode: AlertSnapshot, joining: MembershipRules) -> list[AlertSnapshot]:
    """Members that what a User sends may belong to: its failures that its whole region has are of the region, whatever it sends.

    None where it suffers from another and now has trouble of its own: that does not go with what it suffers.
    """
    members = event.members.values()
    if event.origin_user not in (None, episode.user) and joining.is_own_trouble(episode):
        return []
    if not is_self_inflicted_storm(episode):
        return list(members)
    return [member for member in members if member.user != episode.user or not joining.is_regional(member)]


def in_region(episode: AlertSnapshot, event: OpenIncident, joining: MembershipRules) -> bool:
    """Whether an incident is the trouble of a whole region that an alert is part of."""
    members = tuple(event.members.values())
    same_region = any(member.region == episode.region and member.kind in HARM_KINDS for member in members)
    return joining.touches_region(episode, members) or (
        same_region and (joining.shares_cause(episode, members) or joining.follows_crowd(episode, members))
    )


def may_hold(event: OpenIncident, episode: AlertSnapshot) -> bool:
    """What a User sends of itself is no effect of an incident that began at another; of one that began at nobody it may be."""
    if not is_self_inflicted_storm(episode) or event.origin_user == episode.user:
        return True
    members = event.members.values()
    return event.origin_user is None and any(is_self_inflicted_storm(member) or member.user == episode.user for member in members)


def is_same_incident(older: OpenIncident, younger: OpenIncident, joining: MembershipRules) -> bool:
    """Whether either began as a part of the other."""
    return is_related(lead_of(younger), older, joining) or is_related(lead_of(older), younger, joining)


def two_causes(older: OpenIncident, younger: OpenIncident) -> bool:
    """Whether each has what may harm others, at different Users, and one of them a storm: those are two events however alike in time."""
    if older.origin_user == younger.origin_user:
        return False
    causes = [possible_causes(tuple(event.members.values()), event.origin_user) for event in (older, younger)]
    return all(causes) and any(is_self_inflicted_storm(driver) for of in causes for driver in of)


def lead_of(event: OpenIncident) -> AlertSnapshot:
    """The member that the event began with; what somebody sends, and then wrong requests, before what comes of it."""
    own = [member for member in event.members.values() if event.origin_user is None or member.user == event.origin_user]
    return min(own, key=lambda one: (not is_self_inflicted_storm(one), not refuses_requests(one), one.onset_us, one.alert_id))


def distance(episode: AlertSnapshot, event: OpenIncident, case: IncidentSnapshot) -> tuple[int, bool, int, int, str]:
    """How far an incident is from an alert: in time, else in place; of two as near, the one that more Users are in, then the older one."""
    elsewhere = episode.region is not None and episode.region not in case.regions
    return abs(case.onset_us - episode.onset_us), elsewhere, -len(case.users), event.opened_us, event.incident_id
