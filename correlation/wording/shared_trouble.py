"""Shared trouble: what began at no User in particular, named by its place and never by one of its victims."""

from collections import Counter
from collections.abc import Sequence

from correlation.incidents.origin import first_us
from correlation.phrases import clock, listed, span
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from correlation.wording.alert_text import KIND_LABELS
from models.times import MINUTE_US, SECOND_US
from models.vocabulary import AlertKind, Phase

_LATER_US = 5 * MINUTE_US
"""How long after its beginning another kind of trouble is not the first one."""


def location(case: IncidentSnapshot) -> str | None:
    """`Region north`, `Service 4.8.1` or `The network`; None if the trouble is one User's."""
    if case.origin_user is not None or len(users(case)) < 2:
        return None
    keys = [key for episode in case.episodes for key in episode.series if not key.is_queue]
    regions, services = {key.region for key in keys}, {key.service for key in keys}
    if len(regions) == 1 and (region := regions.pop()):
        return f"Region {region}"
    if len(services) == 1 and (service := services.pop()):
        return f"Service {service}"
    return "The network"


def users(case: IncidentSnapshot) -> tuple[str, ...]:
    """Sorted; everybody who is affected."""
    return tuple(sorted({*case.users, *case.affected_users}))


def headline(
    case: IncidentSnapshot, where: str, ended_us: int | None = None, phase: Phase = "growing", kind: AlertKind | None = None
) -> str:
    """As in `Region north: silence at 12 Users since 11:27 UTC`, of the kind that most Users have now; once it is over, of every kind.

    `ended_us`: when the incident ended, if it is over; `kind`: only this one.
    """
    ended_us, onset_us = case.ended_us if ended_us is None else ended_us, first_us(case.episodes)
    if ended_us is None and phase != "tail":
        going_on = [episode for episode in case.episodes if episode.open] or list(case.episodes)
        wanted = _most(going_on) if kind is None else kind
        shown = [one for one in going_on if one.kind == wanted] or [one for one in case.episodes if one.kind == wanted]
        since_us, first = first_us(shown), min(case.episodes, key=lambda episode: (episode.onset_us, episode.alert_id))
        later = kind is None and first.kind != shown[0].kind and since_us - onset_us > _LATER_US
        before = f", after {KIND_LABELS[first.kind]} from {clock(onset_us, case.at_us)} on" if later else ""
        return f"{where}: {KIND_LABELS[shown[0].kind]} at {_count(shown, case)} since {clock(since_us, case.at_us)}{before}."
    every = list(dict.fromkeys(KIND_LABELS[one.kind] for one in sorted(case.episodes, key=lambda one: (one.onset_us, one.alert_id))))
    text = f"{where}: {listed(every, most=len(every))} at {_count(case.episodes, case)}"
    if ended_us is None:
        return f"{text}, which began {clock(onset_us, case.at_us)}. Their traffic is usual again."
    return f"{text} ended {clock(ended_us, case.at_us)} after {span((ended_us - onset_us) / SECOND_US)}."


def _count(episodes: Sequence[AlertSnapshot], case: IncidentSnapshot) -> str:
    """Their Users; everybody who is affected where they are of a region, of everyone, or all."""
    wide = len(episodes) == len(case.episodes) or any(episode.user is None for episode in episodes)
    count = len(users(case) if wide else {episode.user for episode in episodes})
    return f"{count} {'User' if count == 1 else 'Users'}"


def _most(episodes: Sequence[AlertSnapshot]) -> AlertKind:
    """The kind that most Users have."""
    counts = Counter(kind for kind, _ in {(episode.kind, episode.user) for episode in episodes})
    return min(counts, key=lambda kind: (-counts[kind], kind))
