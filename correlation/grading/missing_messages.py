"""Missing messages of an incident: which answers count as lost to it, and which processes it shares with another incident."""

from collections.abc import Iterable, Mapping
from functools import partial

from changes.calendar import CalendarView
from changes.windows import declared_effect_us
from correlation.grading.declared_effect import declares_effect_on
from correlation.history.traffic_history import History
from correlation.incidents.business_processes import processes
from correlation.incidents.membership import HARM_KINDS, possible_causes
from correlation.incidents.missing_answers import MissingAnswers, Stretch, missing_answers
from correlation.incidents.open_incident import OpenIncident
from models.change import Change
from models.columns import SeriesKey

_LEAST_SHARE = 0.8
"""Of an incident's victims that must suffer in a process for it to be one of the incident's."""


def missing_messages(
    event: OpenIncident, events: Iterable[OpenIncident], at_us: int, view: CalendarView, history: History
) -> Mapping[str, MissingAnswers]:
    """By process; empty while nobody else suffers, or where no earlier day of the same kind is known."""
    if not _harms_others(event):
        return {}
    onset_us, until_us = _span(event, at_us)
    others = [one for one in events if one is not event and _harms_others(one) and _meets(_span(one, at_us), (onset_us, until_us))]
    own, theirs = _processes(event), frozenset[str]().union(*(_processes(one) for one in others))
    older = all(onset_us <= _span(one, at_us)[0] for one in others)
    stretch = Stretch(onset_us, at_us, min([onset_us, *(_span(one, at_us)[0] for one in others)]))
    waiting = frozenset(member.user for one in (event, *others) for member in one.members.values() if member.kind == "backlog")
    declared = tuple(change for change in view.between(onset_us, until_us) if _takes_away(change))
    by_process = missing_answers(
        history, stretch, lambda key: key.user not in waiting, own & theirs, older=older, absent=partial(_absent, declared)
    )
    wanted = by_process.keys() - (theirs - own) if older else by_process.keys() & own
    return {process: by_process[process] for process in sorted(wanted)}


def _harms_others(event: OpenIncident) -> bool:
    return event.merged_into is None and bool(event.affected) and bool(possible_causes(tuple(event.members.values()), event.origin_user))


def _span(event: OpenIncident, at_us: int) -> tuple[int, int]:
    return event.case(at_us).onset_us, at_us if event.ended_us is None else event.ended_us


def _meets(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _processes(event: OpenIncident) -> frozenset[str]:
    """Those in which a good part of its victims suffer."""
    users: dict[str, set[str | None]] = {}
    for member in event.members.values():
        if member.user != event.origin_user and member.kind in HARM_KINDS:
            for process in processes(member.series):
                users.setdefault(process, set()).add(member.user)
    return frozenset(process for process, of in users.items() if len(of) >= _LEAST_SHARE * len(event.affected))


def _takes_away(change: Change) -> bool:
    return change.source == "dcc" and change.expected is not None and change.expected.effect in ("down", "silent")


def _absent(declared: tuple[Change, ...], key: SeriesKey) -> tuple[tuple[int, int], ...]:
    """When the answers of a series stay away as the DCC declared: those are not lost."""
    return tuple(declared_effect_us(change) for change in declared if declares_effect_on(change, key))
