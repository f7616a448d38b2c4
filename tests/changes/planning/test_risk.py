"""Risk before the night: from a change's own record, calibrated on simulated years."""

import numpy as np
import pytest

from benchmarks.risk import year
from changes.planning.risk import PRIOR, PastChanges, assess
from tests.changes.builders import change

KNOWN = PastChanges()


def test_each_thing_that_is_known_moves_the_score_its_way() -> None:
    plain = change(category="firewall", declared_at="2025-12-20T00:00:00Z")
    base = assess(plain, KNOWN, 0).score
    assert assess(plain, PastChanges(10, 6), 0).score > base > assess(plain, PastChanges(10, 0), 0).score
    assert assess(plain, KNOWN, 2).score > base
    assert assess(plain.model_copy(update={"disruption": "outage"}), KNOWN, 0).score > base
    assert assess(plain.model_copy(update={"disruption": "none"}), KNOWN, 0).score < base
    assert assess(change(category="firewall", declared_at="2026-01-05T20:00:00Z"), KNOWN, 0).score > base
    assert assess(change(category="tariff", expected={"effect": "up", "factor": 15}), KNOWN, 0).score > PRIOR["tariff"]


def test_the_reasons_name_what_weighs_most_first_and_the_assumption_last() -> None:
    result = assess(change(category="firewall", disruption="outage"), PastChanges(4, 3), 1).as_object
    assert result["level"] in ("raised", "high")
    assert "3 of 4 earlier changes of SUP-01 did harm" in result["reasons"][:2]
    assert "it has a conflict" in result["reasons"]
    assert result["reasons"][-1] == "14 % of firewall changes are assumed to do harm"


def test_on_a_year_that_was_not_fitted_it_says_about_what_happens() -> None:
    cases = year(4242)
    scores = np.array([assess(*case[:3]).score for case in cases])
    truth = np.array([case[3] for case in cases], float)
    assert scores.mean() == pytest.approx(truth.mean(), abs=0.05)
    assert np.mean((scores - truth) ** 2) < truth.mean() * (1 - truth.mean())
