"""Origin: the User at whom an event began, and when."""

from collections.abc import Sequence

from correlation.incidents.membership import HARM_KINDS, LOSSES, can_cause_harm, is_self_inflicted_storm
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.times import SECOND_US

_MANY = 3
_HARMFUL = 2.0
"""Multiple of the usual traffic from which on others may suffer from a storm."""


def origin(members: Sequence[AlertSnapshot], parameters: CorrelationParameters, before: str | None = None) -> str | None:
    """Where it began: the User whose own trouble came first; None if two began alike, several at once, or a region.

    Of several Users it can only be one whose trouble may harm the others: what one of them lacks is not lost by another.

    `before`: the origin so far. If a large storm was sent from there, earlier losses of others are a separate trouble.
    """
    own = [member for member in members if member.user is not None]
    if not own or any(member.user is None for member in members):
        return None
    error_us = parameters.onset_error_s * SECOND_US
    if before is not None and _sends_storm(before, own, error_us):
        return before
    latest_us = first_us(own) + error_us
    early = [member for member in own if member.onset_us <= latest_us]
    ranks = [(_rank(member, early), member.onset_us, member.detected_us) for member in early]
    first = min(ranks)
    leads = [member for member, rank in zip(early, ranks, strict=True) if rank == first]
    peers = {member.user for member, rank in zip(early, ranks, strict=True) if rank[0] == first[0]}
    alone, large_storm = len({member.user for member in leads}) == 1, first[0] == 0
    if len({member.user for member in own}) > 1 and not any(can_cause_harm(one) for one in own if one.user == leads[0].user):
        return None
    return leads[0].user if alone and len(peers) < _MANY and (large_storm or not _all_at_once(leads[0], early)) else None


def _sends_storm(user: str, own: Sequence[AlertSnapshot], error_us: int) -> bool:
    """Whether `user` alone sends a storm that is larger than retries after losses."""
    storms = [member for member in own if is_self_inflicted_storm(member)]
    if {storm.user for storm in storms} != {user}:
        return False
    early = [member for member in own if member.onset_us <= min(storm.onset_us for storm in storms) + error_us]
    return any(not _may_be_retries(storm, early) for storm in storms)


def _all_at_once(lead: AlertSnapshot, early: Sequence[AlertSnapshot]) -> bool:
    """Whether several Users were hit in the very same windows: a blocked User harms others only once its queue has grown."""
    slack_us = 2 * max(key.window_s for key in lead.series) * SECOND_US
    return len({member.user for member in early if member.onset_us <= lead.onset_us + slack_us and member.kind in HARM_KINDS}) >= _MANY


def first_us(members: Sequence[AlertSnapshot]) -> int:
    """When it began: the second onset of three Users or more, with many Users the last of the first tenth: some are estimated too early."""
    users: dict[str | None, int] = {}
    for member in members:
        users[member.user] = min(users.get(member.user, member.onset_us), member.onset_us)
    onsets = sorted(users.values())
    return onsets[max(1, len(onsets) // 10)] if len(onsets) >= 3 else onsets[0]


def _rank(member: AlertSnapshot, early: Sequence[AlertSnapshot]) -> int:
    """Rank among the possible beginnings of an event: a storm first, unless it may only be retries after losses."""
    if member.kind == "storm":
        return 0 if is_self_inflicted_storm(member) and not _may_be_retries(member, early) else 2
    return {"backlog": 1, "silence": 1, "failures": 2, "drop": 3}.get(member.kind, 4)


def _may_be_retries(storm: AlertSnapshot, early: Sequence[AlertSnapshot]) -> bool:
    """True if the storm's excess is no more than its own User lost, or others' losses began earlier and the largest exceeds it.

    A User repeats its own lost requests, so a storm of that size may be retries. A storm that began before others' losses is their cause
    however small it is, because one small User's wrong requests may use up everyone's answers; otherwise only if it is as large.
    """
    excess = storm.peak - storm.usual_at_peak
    losses = [other for other in early if other.kind in LOSSES]
    own = max((_lost(other) for other in losses if other.user == storm.user), default=0.0)
    if excess < max((_HARMFUL - 1.0) * storm.usual_at_peak, own):
        return True
    others = [other for other in losses if other.user != storm.user]
    return bool(others) and storm.onset_us > first_us(others) and excess < max(_lost(other) for other in others)


def _lost(episode: AlertSnapshot) -> float:
    return episode.usual_at_peak - episode.peak
