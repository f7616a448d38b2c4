"""Coincidence: twenty days of each scenario in which one trouble is easily taken for the effect of another (minutes each)."""

import pytest

from benchmarks.campaign import run
from benchmarks.correlation import Tally

SCENARIOS = ("maintenance-in-backlog", "innocent-bursts", "two-incidents", "storm-beside-habits")
FIRST_SEED, SEEDS, USERS = 500, 20, 20


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_coincidence_accuses_nobody(scenario: str) -> None:
    tally = Tally()
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        tally.add(run(scenario, seed, USERS))
    figures = tally.figures()
    assert figures["wrong_blame"] == 0, figures["look_at"]
    assert figures["false_warnings"] == 0, figures["look_at"]
    assert figures["victims_top1"] is None or figures["victims_top1"] >= 0.98, figures["look_at"]


@pytest.mark.soak
@pytest.mark.parametrize("scenario", ["planned-maintenance", "tariff-day", "overrun", "late-declared"])
def test_no_change_that_kept_to_its_time_is_said_to_have_overrun(scenario: str) -> None:
    tally = Tally()
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        tally.add(run(scenario, seed, USERS))
    assert tally.figures()["course"].get("false_overrun", {"worst": 0})["worst"] == 0
