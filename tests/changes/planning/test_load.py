"""Load: every declared rise counts, whatever else its owner declares."""

import time
from typing import Any

from changes.planning.load import Capacity, collisions, hourly
from changes.planning.rates import Cell, UsualRates
from models.change import Change
from tests.changes.builders import change


def capacity(per_s: float, **rates: float) -> Capacity:
    return Capacity(UsualRates(tuple(Cell(user, "", "", (rate,)) for user, rate in rates.items())), per_s=per_s)


def rise(change_id: str, owner: str, factor: float, **fields: Any) -> Change:
    return change(change_id, owner, expected={"effect": "up", "factor": factor}, **fields)


def test_rises_of_one_owner_at_many_users_all_count() -> None:
    users = {f"U{number:02}": 10.0 for number in range(30)}
    rises = [rise(f"D-{user}", "DCC", 5, users=[user]) for user in users]
    (one,) = collisions(rises, capacity(900, **users))
    assert "with 1,500 messages a second; the capacity is 900" in one.text
    assert "and 20 more load the hour" in one.text
    assert len(one.change_ids) == 10


def test_great_factors_of_little_traffic_hide_no_great_traffic() -> None:
    little = [rise(f"D-{number}", "DCC", 9, users=["SMALL"]) for number in range(10)]
    great = rise("Z-1", "DCC", 8, users=["GREAT"])
    (hour,) = hourly([*little, great], capacity(5_000, SMALL=1e-8, GREAT=1_000.0))
    assert hour.changes[0] == great
    assert hour.load_per_s > 8_000
    (one,) = collisions([*little, great], capacity(5_000, SMALL=1e-8, GREAT=1_000.0))
    assert one.text.startswith("Z-1 (×8 at DCC), ")


def test_a_sentence_names_the_rises_that_add_the_most_traffic() -> None:
    users = {f"U{number:02}": 1.0 + number for number in range(12)}
    (one,) = collisions([rise(f"C-{user}", user, 5) for user in users], capacity(100, **users))
    assert one.text.startswith("C-U11 (×5 at U11), C-U10 ")
    assert "C-U01 " not in one.text


def test_a_rise_of_no_usual_traffic_is_part_of_no_collision() -> None:
    (one,) = collisions([rise("A", "U1", 9), rise("B", "U2", 9)], capacity(50, U1=10.0))
    assert one.change_ids == ("A",)


def test_thousands_of_rises_of_one_owner_in_one_hour_are_judged_at_once() -> None:
    users = {f"U{number:03}": 10.0 for number in range(100)}
    rises = [rise(f"D-{number}", "DCC", 1.5, users=[f"U{number % 100:03}", f"U{number % 7:03}"]) for number in range(2_000)]
    began = time.process_time()
    (hour,) = hourly(rises, capacity(900, **users))
    assert time.process_time() - began < 1, "linear in the rises"
    assert (hour.rises, len(hour.changes)) == (2_000, 10)
