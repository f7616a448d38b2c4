"""Missing messages of an incident: which answers count as lost, and how strong it and others that took answers beside it were."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from changes.calendar import CalendarView
from changes.windows import declared_effect_us
from correlation.grading.declared_effect import declares_effect_on
from correlation.history.traffic_history import History
from correlation.incidents.membership import possible_causes
from correlation.incidents.missing_answers import Answers, MissingAnswers, Shows, Strength, Stretch, Taker, missing_answers
from correlation.incidents.open_incident import Companion, OpenIncident, meet
from correlation.incidents.spill_over import strength_over_time
from models.change import Change
from models.columns import Floats, Ints, SeriesKey

_FIRST = ("backlog", "storm", "silence")
"""By which of the origin's troubles an incident harms others, the likeliest first."""


def missing_messages(
    event: OpenIncident, events: Iterable[OpenIncident], at_us: int, view: CalendarView, history: History
) -> Mapping[str, MissingAnswers]:
    """By process; empty while nobody else suffers, or where no earlier day of the same kind is known."""
    if not event.harms_others:
        return {}
    taken = event.as_companion(at_us)
    present = [(one, one.as_companion(at_us)) for one in events if one is not event and one.merged_into is None]
    met = [(one, beside) for one, beside in present if meet(beside, taken)]
    others = [one for one in event.companions if one.processes]
    takers = [_taker(event, taken, history), *(_taker(one, beside, history) for one, beside in met if beside.processes)]
    takers += [Taker(_throughout(one), bool(one.waiting)) for one in others]
    beside = [*(one for _, one in met), *event.companions]
    since_us = min([taken.onset_us, *(one.onset_us for one in beside if one.processes)])
    stretch = Stretch(taken.onset_us, taken.ended_us, since_us, at_us)
    declared = tuple(change for change in view.between(taken.onset_us, taken.ended_us) if _takes_away(change))
    silent: dict[str, list[tuple[int, int]]] = {}
    for one in beside:
        silent.setdefault(one.silent, []).append((one.onset_us, one.ended_us))
    shows = _shows(taken, beside)
    answers = Answers(lambda user: shows.get(user, "loss"), lambda key: (*_absent(declared, key), *silent.get(key.user, ())))
    return missing_answers(history, stretch, answers, takers)


def _shows(taken: Companion, beside: Sequence[Companion]) -> dict[str, Shows]:
    """User → what its answers show, where that is not what is lost."""
    shows: dict[str, Shows] = {}
    for one in (*beside, taken):
        shows |= dict.fromkeys(one.waiting, "not lost" if one is taken else "nothing")
        shows |= {one.storming: "nothing"} if one.storming else {}
    return shows


def _taker(event: OpenIncident, companion: Companion, history: History) -> Taker:
    """An incident with the strength of its queue, else of its storm, else of what is blocked."""
    causes = possible_causes(tuple(event.members.values()), event.origin_user)
    driver = min(causes, key=lambda one: (_FIRST.index(one.kind), one.onset_us, one.alert_id))
    courses = strength_over_time(driver, companion.onset_us, history)
    if not courses:
        return Taker(_throughout(companion), driver.kind == "backlog")
    course = courses[0]
    middles, greatest = course.ends_us - course.bin_us / 2, max(float(course.values[0].max()), 1e-9)

    def strength(ends_us: Ints) -> Floats:
        within = (ends_us > companion.onset_us) & (ends_us <= companion.ended_us + course.bin_us)
        lengths = np.diff(ends_us).min() if len(ends_us) > 1 else course.bin_us
        return np.where(within, np.interp(ends_us - lengths / 2, middles, course.values[0] / greatest), 0.0)

    return Taker(strength, driver.kind == "backlog")


def _throughout(one: Companion) -> Strength:
    """As strong from its beginning to its end: of what is forgotten no more is known."""
    return lambda ends_us: np.asarray((ends_us > one.onset_us) & (ends_us <= one.ended_us), np.float64)


def _takes_away(change: Change) -> bool:
    return change.source == "dcc" and change.expected is not None and change.expected.effect in ("down", "silent")


def _absent(declared: tuple[Change, ...], key: SeriesKey) -> tuple[tuple[int, int], ...]:
    """When the answers of a series stay away as the DCC declared: those are not lost."""
    return tuple(declared_effect_us(change) for change in declared if declares_effect_on(change, key))
