"""Habit rulings: what the triage desk decided on a habit, as a journal entry holds it, so that judging the journal again decides alike."""

import json

from detectors.habit_list import Habit, HabitRuling
from models.columns import SeriesKey


def ruling(habit: Habit, *, refused: bool) -> HabitRuling:
    """The decision that `habit` is none (`refused`), or may be one again."""
    return HabitRuling(habit.key, habit.kind, habit.minute, refused)


def encoded(decision: HabitRuling) -> bytes:
    """Body of a journal entry."""
    fields = {"key": list(decision.key), "kind": decision.kind, "minute": decision.minute, "refused": decision.refused}
    return json.dumps(fields, separators=(",", ":")).encode()


def decoded(body: bytes) -> HabitRuling:
    """What `encoded` was called on."""
    fields = json.loads(body)
    return HabitRuling(SeriesKey(*fields["key"]), fields["kind"], fields["minute"], fields["refused"])
