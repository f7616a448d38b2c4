"""Membership: whether an alert is part of a known event, and of which."""

from collections.abc import Callable, Iterable, Sequence

from correlation.history.habit import is_habit
from correlation.history.onset_comparison import Comparison
from correlation.history.traffic_history import History
from correlation.incidents.peer_comparison import UNKNOWN, PeerComparison, compare_peers, peer_baseline
from correlation.incidents.regional_failures import RegionalFailures
from correlation.incidents.spill_over import DoseComparison, cut_off, fails_at_devices, has_way, own_outage, refuses_requests
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.times import SECOND_US
from models.vocabulary import ALERT_CLASSES

HARM_KINDS = frozenset({"drop", "silence", "failures", "backlog"})
"""Effects of another User's trouble on a User's traffic."""
_PARTIAL = frozenset({"drop", "failures"})
LOSSES = frozenset({"drop", "silence"})
"""Less than is due."""
_DRIVERS = frozenset({"storm", "backlog", "silence"})
_FOLLOWS = {"silence": 0, "storm": 0, "backlog": 1, "drop": 1, "failures": 1}
"""Kinds of one event at one User; those with 1 may follow hours after the others began."""
_MOMENTARY = frozenset({"drop", "storm"})
_FALSE_START_WINDOWS = 5
_MIN_OTHERS = 2


def started_together(episode: AlertSnapshot, members: Iterable[AlertSnapshot], parameters: CorrelationParameters) -> bool:
    """Whether `episode` came at the same time as earlier alerts of its User (or its region), or is the return of one of them."""
    limit_us = parameters.together_s * SECOND_US
    return any(
        _returns(episode, member, parameters) or (_coupled(episode, member) and abs(episode.onset_us - member.onset_us) <= limit_us)
        for member in _own(episode, members)
    )


def is_later_effect(episode: AlertSnapshot, members: Iterable[AlertSnapshot], parameters: CorrelationParameters) -> bool:
    """Whether `episode` is a later effect of trouble that continues at its User: a queue that grows because a route was shut before."""
    error_us, limit_us = parameters.onset_error_s * SECOND_US, parameters.spill_s * SECOND_US
    return any(
        _coupled(episode, member)
        and (_FOLLOWS[episode.kind] or _FOLLOWS[member.kind]) > 0
        and episode.onset_us <= min((member.ended_us or episode.at_us) + error_us, member.onset_us + limit_us)
        for member in _own(episode, members)
    )


def _own(episode: AlertSnapshot, members: Iterable[AlertSnapshot]) -> list[AlertSnapshot]:
    return [member for member in members if member.user == episode.user and (episode.user is not None or _region(member, episode))]


def _returns(episode: AlertSnapshot, member: AlertSnapshot, parameters: CorrelationParameters) -> bool:
    return episode.kind == member.kind and episode.onset_us <= (member.ended_us or episode.at_us) + parameters.reopen_s * SECOND_US


def _coupled(episode: AlertSnapshot, member: AlertSnapshot) -> bool:
    return episode.kind in _FOLLOWS and member.kind in _FOLLOWS and not _false_start(episode, member)


def _false_start(episode: AlertSnapshot, member: AlertSnapshot) -> bool:
    """Whether `member` was a drop or storm of some windows that was over before `episode`, another kind of trouble, began."""
    if member.ended_us is None or member.kind not in _MOMENTARY or episode.kind == member.kind or episode.onset_us < member.ended_us:
        return False
    windows_us = _FALSE_START_WINDOWS * max(key.window_s for key in member.series) * SECOND_US
    return member.ended_us - member.onset_us <= windows_us


def _region(member: AlertSnapshot, episode: AlertSnapshot) -> bool:
    return member.region == episode.region


def _same_sort(one: AlertSnapshot, other: AlertSnapshot) -> bool:
    """Whether two alerts are of one kind; a drop and a silence are degrees of one loss."""
    return one.kind == other.kind or (one.kind in LOSSES and other.kind in LOSSES)


def _same_side(one: AlertSnapshot, other: AlertSnapshot) -> bool:
    """Whether both, or neither, are refusals of the User's own requests: what devices do not answer has no cause in common with those."""
    return refuses_requests(one) == refuses_requests(other)


def possible_causes(members: Sequence[AlertSnapshot], origin_user: str | None) -> tuple[AlertSnapshot, ...]:
    """Episodes that may make other Users suffer: the origin's own storm, its backlog, its blocked route."""
    return tuple(member for member in members if origin_user is not None and member.user == origin_user and can_cause_harm(member))


def can_cause_harm(episode: AlertSnapshot) -> bool:
    """Whether others may suffer from it."""
    return episode.kind in _DRIVERS and (episode.kind != "storm" or not alerts_only(episode))


def is_self_inflicted_storm(episode: AlertSnapshot) -> bool:
    """Whether it is a storm that a User sends, which is never an effect of another's incident."""
    return episode.kind == "storm" and episode.user is not None and not alerts_only(episode)


def alerts_only(episode: AlertSnapshot) -> bool:
    """Whether it concerns only device and DCC alerts."""
    return all(key.message_class in ALERT_CLASSES for key in episode.series)


class MembershipRules:
    """Answers for one window; measurements of an alert are cached during the window.

    `declared_cause`: the key of the change that names exactly the traffic and the time of an alert, if there is one.
    """

    def __init__(
        self, history: History, parameters: CorrelationParameters, declared_cause: Callable[[AlertSnapshot], str | None] = lambda _: None
    ) -> None:
        self._history = history
        self._parameters = parameters
        self._find_declared_cause = declared_cause
        self._declared: dict[str, str | None] = {}
        self._regional: dict[str, bool] = {}
        self._failures = RegionalFailures(history)
        self._doses = DoseComparison(history)
        self._measured: dict[tuple[str, str | None], PeerComparison] = {}
        self._compared: dict[str, Comparison | None] = {}
        self._silent: dict[str, bool] = {}

    def spills_over(self, episode: AlertSnapshot, members: Sequence[AlertSnapshot], origin_user: str | None) -> bool:
        """Whether `episode` of another User is an effect of the origin's storm or backlog."""
        if episode.kind not in HARM_KINDS or episode.user is None or episode.user == origin_user:
            return False
        if self.declared_cause(episode) is not None or self.is_regional(episode) or is_habit(episode, self._history):
            return False
        services = _services(members)
        timely = [
            driver
            for driver in possible_causes(members, origin_user)
            if self._timely(episode, driver)
            and has_way(episode, driver, services)
            and not self._doses.refutes(episode, driver)
            and not is_habit(driver, self._history)
            and not (driver.kind == "silence" and own_outage(driver, self._history))
        ]
        if not timely:
            return False
        others = self.measure(episode, origin_user)
        if others.region is not None and {driver.region for driver in timely} != {others.region}:
            return False
        if cut_off(episode, self._history) or (self._falls_silent(episode) and not self._others_fall_silent(members, episode)):
            return False
        if others.shared or self._fails_with_others(members, episode):
            return True
        return episode.kind in _PARTIAL and episode.serious and not others.alone

    def suffers_from(self, episode: AlertSnapshot, members: Sequence[AlertSnapshot], origin_user: str | None) -> bool:
        """Whether failures at devices are another User's doing although their own User is in trouble that has no way to cause them.

        A User that stops asking makes no device fail; its own storm or queue would.
        """
        return episode.kind == "failures" and fails_at_devices(episode) and self.spills_over(episode, members, origin_user)

    def is_own_trouble(self, episode: AlertSnapshot) -> bool:
        """Whether its User sends next to nothing, or wrong requests: no other User does that to it."""
        return refuses_requests(episode) or (episode.user is not None and self._falls_silent(episode))

    def declared_cause(self, episode: AlertSnapshot) -> str | None:
        """The key of the change that names exactly the traffic and the time of an alert."""
        if episode.alert_id not in self._declared:
            self._declared[episode.alert_id] = self._find_declared_cause(episode)
        return self._declared[episode.alert_id]

    def shares_declared_cause(self, episode: AlertSnapshot, members: Iterable[AlertSnapshot]) -> bool:
        """Whether the change that explains an alert, if there is one, explains one of these too."""
        key = self.declared_cause(episode)
        return key is None or any(self.declared_cause(member) == key for member in members)

    def is_regional(self, episode: AlertSnapshot) -> bool:
        """Whether devices or the network of one region do not answer, at several Users: that comes of nobody's traffic."""
        if episode.alert_id not in self._regional:
            self._regional[episode.alert_id] = self._failures.explain(episode)
        return self._regional[episode.alert_id]

    def belongs_elsewhere(self, episode: AlertSnapshot, own: Sequence[AlertSnapshot], origin_user: str | None) -> bool:
        """Whether what joined as another's effect turns out to be none: a change explains it, or it outlasts what it was to come of.

        `own`: the alerts of the origin.
        """
        if episode.user in (None, origin_user) or origin_user is None or not episode.open or episode.kind not in HARM_KINDS:
            return False
        if self.declared_cause(episode) is not None:
            return not self.shares_declared_cause(episode, own)
        if self.is_regional(episode):
            return True
        drivers = possible_causes(own, origin_user)
        return episode.serious and bool(drivers) and self._doses.outlasts(episode, drivers)

    def follows_crowd(self, episode: AlertSnapshot, members: Sequence[AlertSnapshot]) -> bool:
        """Whether at least two other Users' trouble of this kind began at the very same time, and the others are not clearly unaffected."""
        if episode.user is None or episode.kind not in HARM_KINDS | {"storm"}:
            return False
        crowd = [
            member
            for member in members
            if _same_sort(episode, member)
            and _same_side(episode, member)
            and self._at_once(episode, member)
            and self._falls_silent(member) == self._falls_silent(episode)
        ]
        if len({member.user for member in crowd} - {None, episode.user}) < _MIN_OTHERS:
            return False
        others = self.measure(episode, None)
        # If nobody else has such traffic in its region, unaffected Users elsewhere do not exclude a cause in the region.
        here = {member.user for member in crowd if episode.region is not None and member.region == episode.region}
        return not others.alone or (others.elsewhere and len(here - {episode.user}) >= _MIN_OTHERS)

    def began_with_a_third(self, one: AlertSnapshot, other: AlertSnapshot, leads: Sequence[AlertSnapshot]) -> bool:
        """Whether two incidents of different Users began alike at the same time as a third did."""
        if one.user == other.user or not _same_sort(one, other) or not _same_side(one, other) or not self._at_once(one, other):
            return False
        return self.follows_crowd(one, [lead for lead in leads if lead is not one])

    def shares_cause(self, episode: AlertSnapshot, members: Sequence[AlertSnapshot]) -> bool:
        """Whether so many Users moved alike at once that `episode` and these have one common cause.

        Not for refused requests: the others' counts show that they fail too, but not whether for the same reason; alerts do.
        """
        if episode.user is None or refuses_requests(episode) or episode.kind not in HARM_KINDS | {"storm"}:
            return False
        at_once = [
            member
            for member in members
            if member.user not in (None, episode.user)
            and _same_side(episode, member)
            and self._at_once(episode, member)
            and self._falls_silent(member) == self._falls_silent(episode)
        ]
        if not at_once:
            return False
        others = self.measure(episode, None)
        return others.shared and len(others.users) >= 2 and any(member.user in others.users for member in at_once)

    def touches_region(self, episode: AlertSnapshot, members: Sequence[AlertSnapshot]) -> bool:
        """Whether a User's trouble in one region belongs to an event of that whole region."""
        if episode.user is None or episode.region is None or episode.kind not in _PARTIAL:
            return False
        error_us = 2 * self._parameters.onset_error_s * SECOND_US
        return any(
            member.user is None
            and member.region == episode.region
            and member.kind != "stale"
            and abs(member.onset_us - episode.onset_us) <= error_us
            for member in members
        )

    def measure(self, episode: AlertSnapshot, besides: str | None) -> PeerComparison:
        """The other Users that moved as `episode` did."""
        key = (episode.alert_id, besides)
        if key not in self._measured:
            nobody = not episode.series or episode.user is None
            self._measured[key] = (
                UNKNOWN if nobody else compare_peers(episode, self._beside(episode), () if besides is None else (besides,))
            )
        return self._measured[key]

    def _falls_silent(self, episode: AlertSnapshot) -> bool:
        """Whether the User itself asks next to nothing any more: that is its own trouble, not what others have."""
        if episode.alert_id not in self._silent:
            self._silent[episode.alert_id] = own_outage(episode, self._history)
        return self._silent[episode.alert_id]

    def _others_fall_silent(self, members: Iterable[AlertSnapshot], episode: AlertSnapshot) -> bool:
        return any(member.user not in (None, episode.user) and self._falls_silent(member) for member in members)

    @staticmethod
    def _fails_with_others(members: Iterable[AlertSnapshot], episode: AlertSnapshot) -> bool:
        """Whether devices do not answer others either: a User that asks again after its own outage moves alone, and fails as they do."""
        if not fails_at_devices(episode):
            return False
        failing = {member.user for member in members if member.open and fails_at_devices(member)}
        return len(failing - {None, episode.user}) >= _MIN_OTHERS

    def _beside(self, episode: AlertSnapshot) -> Comparison | None:
        if episode.alert_id not in self._compared:
            self._compared[episode.alert_id] = peer_baseline(episode, self._history)
        return self._compared[episode.alert_id]

    def _timely(self, episode: AlertSnapshot, driver: AlertSnapshot) -> bool:
        error_us = self._parameters.onset_error_s * SECOND_US
        latest_us = (driver.ended_us or episode.at_us) + error_us
        # An existing queue may affect the others at any time; the effects of a storm appear soon.
        if driver.kind != "backlog":
            latest_us = min(latest_us, driver.onset_us + self._parameters.spill_s * SECOND_US)
        # A storm is felt at once, and its onset is an estimate; a route that is shut hurts others only once its queue has grown.
        earliest_us = driver.onset_us + (-error_us if driver.kind == "storm" else error_us)
        return earliest_us <= episode.onset_us <= latest_us

    def _at_once(self, episode: AlertSnapshot, member: AlertSnapshot) -> bool:
        similar_kinds = episode.kind == member.kind or (episode.kind in HARM_KINDS and member.kind in HARM_KINDS)
        slack_us = self._parameters.onset_error_s * SECOND_US + max(key.window_s for key in episode.series) * SECOND_US
        return similar_kinds and abs(member.onset_us - episode.onset_us) <= slack_us


def _services(members: Iterable[AlertSnapshot]) -> frozenset[str]:
    """Services that are in trouble."""
    return frozenset(key.service for member in members for key in member.series if key.service)
