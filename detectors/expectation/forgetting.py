"""Forgetting: what a series learned about two hours of the day, and what is not to count as usual any more."""

from collections.abc import Callable

from detectors.expectation.day_kinds import DAY_KINDS
from detectors.expectation.week_clock import HOURS_A_DAY, HOURS_A_WEEK, SLOTS_A_DAY, SLOTS_A_HOUR
from detectors.expectation.week_profile import SIXTEENTHS
from models.columns import Columns

_TABLES = (("day", DAY_KINDS), ("week", HOURS_A_WEEK // HOURS_A_DAY))


def forget_hours(state: Columns, index: int, hour: int, edge: Callable[[float, float], float]) -> None:
    """The series at `index` is expected at `hour` (of the day, UTC) and the next one as in the hours beside them, by the `edge` of both.

    `min` takes back a surplus that was learned there, `max` a lack.
    """
    for table, days in _TABLES:
        roots, visits = state[table][:, index], state[f"{table}_visits"][:, index]
        for day in range(days):
            before, first, second, after = (day * HOURS_A_DAY + (hour + step) % HOURS_A_DAY for step in (-1, 0, 1, 2))
            beside = [float(roots[row]) for row in (before, after) if visits[row] > 0]
            for row in (first, second):
                if beside and visits[row] > 0:
                    roots[row] = edge(edge(beside[0], beside[-1]), float(roots[row]))
                    visits[row] = min(int(visits[row]), int(SIXTEENTHS))
    for step in range(2 * SLOTS_A_HOUR):
        slot = (hour * SLOTS_A_HOUR + step) % SLOTS_A_DAY
        state["slot"][slot, index], state["slot_visits"][slot, index] = 1.0, 0
