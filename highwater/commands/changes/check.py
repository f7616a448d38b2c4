"""`highwater changes check`: lists rows that can't be used, missing items and conflicts."""

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import typer

from highwater.commands.changes.options import (
    CapacityPeaks,
    DefaultOwner,
    Files,
    MappingFile,
    SystemsFile,
    Timezone,
    UsualFile,
    planning_rules,
    read_options,
)
from highwater.commands.changes.output import objects
from highwater.options import AsJson, ConfigFile, settings

if TYPE_CHECKING:
    from changes.files.calendar_files import CalendarRead
    from changes.planning.conflicts import Conflict, PlanningRules
    from models.change import Change

_SLOTS_FOR_MAX = 20
"""Free slots are proposed only while there are few enough conflicts to go through one by one."""


def check(
    files: Files,
    mapping: MappingFile = None,
    owner: DefaultOwner = None,
    timezone: Timezone = None,
    capacity: CapacityPeaks = None,
    usual: UsualFile = None,
    systems: SystemsFile = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List unusable rows, missing SEC items, figures not kept, absurd windows, conflicts and load collisions; exit 1 if any."""
    from changes.files.calendar_files import read_calendar
    from changes.limits import all_excess
    from changes.planning.conflicts import as_object, conflicts
    from changes.planning.sec_completeness import all_missing
    from changes.planning.sec_completeness import as_object as missing_object
    from changes.planning.sec_limits import breaches

    in_force = settings(config)
    read = read_calendar(files, read_options(mapping, owner, timezone))
    rules = planning_rules(in_force, capacity=capacity, usual=usual, systems=systems)
    lacking = all_missing(read.changes)
    limits = breaches(read.changes, in_force.changes.sec, in_force.time.holiday_calendar)
    absurd = all_excess(read.changes, time.time_ns() // 1000, in_force.serve.declarations)
    all_conflicts = conflicts(read.changes, rules)
    free = _free_slots(read.changes, all_conflicts, rules)
    notes = _notes(read.changes, rules)
    if as_json:
        answer = {
            "changes": len(read.changes),
            "rejected": objects(read.rejections),
            "unsettled": read.unsettled,
            "missing": [missing_object(one) for one in lacking],
            "limits": [one.as_object for one in limits],
            "windows": [{"owner": one.owner, "change_id": one.change_id, "reason": why} for one, why in absurd],
            "conflicts": [as_object(one) for one in all_conflicts],
            "free_slots": free,
            "notes": notes,
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        lines = [f"{one.change_id}: {one.item} is missing: {one.text}" for one in lacking]
        lines += [f"{one.key}: a monitor refuses it: {why}" for one, why in absurd]
        lines += [f"{one.item} (figure: default or setting): {one.text}" for one in limits]
        lines += [f"{one.kind.replace('_', ' ')}: {one.text}" for one in all_conflicts]
        lines += [_free_text(change_id, slots) for change_id, slots in free.items()]
        _print(read, [*lines, *notes], (len(lacking) + len(limits) + len(absurd), len(all_conflicts)))
    if read.rejections or read.unsettled or lacking or limits or absurd or all_conflicts:
        raise typer.Exit(1)


def _print(read: "CalendarRead", lines: list[str], counts: tuple[int, int]) -> None:
    from changes.files.reader import describe

    for line in [*map(describe, read.rejections), *read.unsettled, *lines]:
        typer.echo(line)
    bad = len(read.rejections) + len(read.unsettled)
    typer.echo(
        f"{_counted(len(read.changes), 'change')}: {_counted(bad, 'bad row')}, {_counted(counts[0], 'item')} missing or not kept, "
        f"{_counted(counts[1], 'conflict')}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _free_slots(changes: tuple["Change", ...], all_conflicts: tuple["Conflict", ...], rules: "PlanningRules") -> dict[str, list[str]]:
    """Three free times for the change of each conflict that is easiest to move: a User's change, otherwise the later one."""
    from changes.planning.conflicts import slots_for
    from models.times import format_time, us

    if len(all_conflicts) > _SLOTS_FOR_MAX:
        return {}
    by_key: dict[str, Change] = {one.key: one for one in changes}
    ids = Counter(one.change_id for one in changes)
    proposed: dict[str, list[str]] = {}
    for conflict in all_conflicts:
        involved = [by_key[key] for key in conflict.keys]
        moved = max(involved, key=lambda one: (one.category != "bcdr_test", one.source == "user", one.planned_start, one.change_id))
        name = moved.change_id if ids[moved.change_id] == 1 else moved.key
        if name not in proposed:
            slots = slots_for(moved, changes, us(moved.planned_start), rules)
            proposed[name] = [f"{format_time(slot.start_us)} to {format_time(slot.end_us)}" for slot in slots]
    return proposed


def _free_text(change_id: str, slots: list[str]) -> str:
    return f"{change_id} is free at {', '.join(slots)}" if slots else f"{change_id}: no free time was found in the days after it"


def _notes(changes: tuple["Change", ...], rules: "PlanningRules") -> list[str]:
    from changes.files.import_notes import notes_on

    notes = notes_on(changes)
    rising = sum(one.expected is not None and one.expected.effect == "up" for one in changes)
    if not rising or rules.capacity.rates.cells:
        return notes
    return [f"load was not judged: {rising} changes declare a rise, but the usual rates are missing (--usual)", *notes]
