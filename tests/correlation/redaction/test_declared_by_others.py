"""Redaction from the window to the copy: whatever others declare about a trouble of theirs, its words reach no other User's copy."""

from functools import lru_cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from models.alert import Alert
from models.canonical_json import to_json
from models.change import Change
from models.state_bytes import pack, unpack
from models.vocabulary import SUSPECTED
from tests.correlation.builders import Trouble, World, calendar, change, run, series, step

READER, ORIGIN, PROVIDER = "READER", "NEIGHBOUR", "PROVIDER"
ANSWERS = tuple(series(user) for user in (READER, "STRANGER", "THIRD"))
STORM = series(ORIGIN, "to_dsp", "service_request", "8.1.1")
SPILL = World((STORM, *ANSWERS), (Trouble("storm", STORM, 5, observed=40_000), *(Trouble("drop", key, 7, observed=30) for key in ANSWERS)))
BEGINS = 6
"""The last window in which nothing is suspected yet."""
MARK = "Zq"
"""Every word of a hidden change begins with it, and nothing else does."""
PARAMETERS = CorrelationParameters()

words = st.text("abcdefgh 0123456789", max_size=12).map(lambda rest: MARK + rest)


@st.composite
def declared(draw: Any) -> Change:
    """A change of another party that may explain the storm; all its words are secret."""
    begins = draw(st.integers(-30, 5))
    provider = draw(st.booleans())
    fields = {
        "source": "service_provider" if provider else "user",
        "category": draw(st.sampled_from(["meter_data_management", "release", "firewall", "network", "internal_system", "tariff"])),
        "status": draw(st.sampled_from(["declared", "confirmed", "in_progress", "extended"])),
        "visibility": draw(st.sampled_from(["dcc_only", "public_summary"])),
        "disruption": draw(st.sampled_from(["none", "risk", "outage"])),
        "expected": draw(st.sampled_from([None, {"effect": "up", "factor": 30.0}, {"effect": "silent"}])),
        "systems": draw(st.lists(words, max_size=2)),
        "services": draw(st.sampled_from([[], ["8.1.1"]])),
        **{name: draw(words) for name in ("title", "description", "contact", "return_to_normal_risk", "testing_opportunity")},
    }
    return change(draw(words), PROVIDER if provider else ORIGIN, begins, begins + draw(st.integers(15, 90)), **fields)


@lru_cache(maxsize=1)
def before_the_trouble_is_explained() -> bytes:
    """The state after two hours and the first windows of the trouble; every example continues from it."""
    correlator = Correlator(PARAMETERS)
    step(correlator, World(SPILL.keys), range(-120, 0), calendar())
    step(correlator, SPILL, range(BEGINS + 1), calendar())
    return pack(correlator.pack(), 1)


def copies(*changes: Change) -> list[Alert]:
    """What the reader is sent in the two windows in which its own traffic is judged."""
    correlator = Correlator.unpack(PARAMETERS, unpack(before_the_trouble_is_explained(), 1), {})
    return run(SPILL, range(BEGINS + 1, BEGINS + 3), *changes, correlator=correlator).copies(READER)


def test_no_word_of_others_changes_stands_in_a_copy() -> None:
    suspected = 0

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(declared(), min_size=1, max_size=3, unique_by=lambda one: one.key))
    def whatever_they_declare(changes: list[Change]) -> None:
        nonlocal suspected
        sent = copies(*changes)
        assert sent
        for copy in sent:
            text = to_json(copy).decode()
            assert not any(word in text for word in (MARK, ORIGIN, PROVIDER, "STRANGER", "THIRD"))
            assert set(copy.affected_users) <= {READER}
            for suspect in copy.suspects:
                assert (suspect.basis, suspect.change_id, suspect.owner) == ("other_party", None, None)
                assert suspect.verdict in SUSPECTED
                suspected += 1

    whatever_they_declare()
    assert suspected > 50, "hardly any of these changes is suspected: the property says little"
