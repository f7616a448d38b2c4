"""Missing messages of an incident: which answers count as lost to it, and which processes it shares with another incident."""

from collections.abc import Iterable, Mapping

from changes.calendar import CalendarView
from changes.windows import declared_effect_us
from correlation.grading.declared_effect import declares_effect_on
from correlation.history.traffic_history import History
from correlation.incidents.missing_answers import Beside, MissingAnswers, Stretch, missing_answers
from correlation.incidents.open_incident import OpenIncident, meet
from models.change import Change
from models.columns import SeriesKey


def missing_messages(
    event: OpenIncident, events: Iterable[OpenIncident], at_us: int, view: CalendarView, history: History
) -> Mapping[str, MissingAnswers]:
    """By process; empty while nobody else suffers, or where no earlier day of the same kind is known."""
    if not event.harms_others:
        return {}
    taken = event.as_companion(at_us)
    beside = [one.as_companion(at_us) for one in events if one is not event and one.merged_into is None]
    beside = [*(one for one in beside if meet(one, taken)), *event.companions]
    others = [one for one in beside if one.processes]
    older = all(taken.onset_us <= one.onset_us for one in others)
    spans: dict[str, list[tuple[int, int]]] = {}
    for one in others:
        for process in one.processes:
            spans.setdefault(process, []).append((one.onset_us, one.ended_us))
    stretch = Stretch(taken.onset_us, at_us, min([taken.onset_us, *(one.onset_us for one in others)]))
    waiting = frozenset(user for one in (taken, *beside) for user in one.waiting)
    silent: dict[str, list[tuple[int, int]]] = {}
    for one in beside:
        silent.setdefault(one.silent, []).append((one.onset_us, one.ended_us))
    declared = tuple(change for change in view.between(taken.onset_us, taken.ended_us) if _takes_away(change))
    by_process = missing_answers(
        history,
        stretch,
        lambda key: key.user not in waiting,
        Beside(frozenset(taken.processes), spans, older),
        absent=lambda key: (*_absent(declared, key), *silent.get(key.user, ())),
    )
    wanted = by_process.keys() if older else by_process.keys() & set(taken.processes)
    return {process: by_process[process] for process in sorted(wanted)}


def _takes_away(change: Change) -> bool:
    return change.source == "dcc" and change.expected is not None and change.expected.effect in ("down", "silent")


def _absent(declared: tuple[Change, ...], key: SeriesKey) -> tuple[tuple[int, int], ...]:
    """When the answers of a series stay away as the DCC declared: those are not lost."""
    return tuple(declared_effect_us(change) for change in declared if declares_effect_on(change, key))
