"""Phase: whether an incident grows, holds, recovers, or has recovered except for its tail."""

from collections.abc import Sequence

from correlation.incidents.harm import Harm
from correlation.incidents.recovery import Course
from models.times import MINUTE_US
from models.vocabulary import Phase

_EARLIER_US = 10 * MINUTE_US
"""Distance of the earlier value that it is compared with."""
_FALLS, _GROWS = 0.7, 0.9
"""Shares of the worst below which it recovers, and from which on it may grow; between them it does neither."""
_MINOR = 0.2
"""Share of the largest worst below which a measure says nothing of the whole: failures rise a little when answers come back."""
_RISES = 1.1
"""Multiple of the earlier value."""
_QUEUE_FALLS, _QUEUE_GROWS = 0.98, 0.99
_EMPTY = 0.15
_SURE, _SURE_US = 3, 2 * MINUTE_US
"""Number of consecutive windows with another phase before it is published, and for how long at least."""


def follow(course: Course, harms: Sequence[Harm], at_us: int, *, back: bool, over: bool = False) -> Phase:
    """The phase of this window; `course` stores it, so that it does not alternate. `over`: it is decided that the incident is over."""
    shown: Phase = "tail" if back or over else _shown(course, harms)
    if shown == course.phase:
        course.phase_run = 0
    elif course.phase_next == shown:
        course.phase_run += 1
    else:
        course.phase_run, course.phase_since_us = 1, at_us
    course.phase_next = shown
    if over or (course.phase_run >= _SURE and at_us - course.phase_since_us >= _SURE_US):
        course.phase, course.phase_run = shown, 0
    return course.phase


def _shown(course: Course, harms: Sequence[Harm]) -> Phase:
    """By the queue of the origin if there is one, else by the largest share of its worst that any measure has."""
    leading = [harm for harm in harms if course.worst.get(harm.name, 0.0) > max(harm.chance, harm.floor)]
    queues = [harm for harm in leading if harm.counts_queue]
    largest = max((course.worst[harm.name] for harm in leading if not harm.counts_queue), default=0.0)
    leading = [harm for harm in leading if harm.counts_queue or course.worst[harm.name] >= _MINOR * largest]
    if not leading:
        return "holding"
    full = [harm for harm in queues if harm.average() > harm.limit(course.worst[harm.name], _EMPTY)]
    harm = max(full or leading, key=lambda one: (one.average() / course.worst[one.name], one.name))
    rises = harm.average() > (1.0 if full else _RISES) * harm.earlier(_EARLIER_US) + harm.chance
    share = harm.average() / course.worst[harm.name]
    low, high = (_QUEUE_FALLS, _QUEUE_GROWS) if full else (_FALLS, _GROWS)
    if share < low or (course.phase == "recovering" and share < high):
        return "recovering"
    return "growing" if rises and share >= high else "holding"
