"""Shared trouble: what began at no User in particular, named by its place and never by one of its victims."""

from collections import Counter

from correlation.incidents.origin import first_us
from correlation.phrases import clock, span
from correlation.snapshots import IncidentSnapshot
from correlation.wording.alert_text import KIND_LABELS
from models.times import SECOND_US
from models.vocabulary import AlertKind, Phase


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
    """As in `Region north: silence at 12 Users since 11:27 UTC`.

    `ended_us`: when the incident ended, if it is over; `kind`: only that one's Users, by default all, with the kind that most have.
    """
    episodes = [episode for episode in case.episodes if kind in (None, episode.kind)]
    count = len(users(case)) if kind is None else len({episode.user for episode in episodes})
    text = f"{where}: {_kind(case) if kind is None else KIND_LABELS[kind]} at {count} {'User' if count == 1 else 'Users'}"
    ended_us, onset_us = case.ended_us if ended_us is None else ended_us, first_us(episodes)
    if ended_us is None and phase == "tail":
        return f"{text}, which began {clock(onset_us, case.at_us)}. Their traffic is usual again."
    if ended_us is None:
        return f"{text} since {clock(onset_us, case.at_us)}."
    return f"{text} ended {clock(ended_us, case.at_us)} after {span((ended_us - onset_us) / SECOND_US)}."


def _kind(case: IncidentSnapshot) -> str:
    """The kind that most Users have."""
    counts = Counter(kind for kind, _ in {(episode.kind, episode.user) for episode in case.episodes})
    return KIND_LABELS[min(counts, key=lambda kind: (-counts[kind], kind))]
