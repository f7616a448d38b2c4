"""The flow as one value: same events, same bytes, however they are cut, ordered, repeated or interrupted."""

import functools
import itertools
import random

import numpy as np
import pytest

from models.canonical_json import to_json
from models.times import HOUR_US, instant, parse_time
from simulator.simulation import find_scenario, simulate
from streams.decode import decode_ndjson
from streams.flow import FlowStep
from streams.pipeline import Pipeline, PipelineParameters

START_US = parse_time("2026-01-05T00:00:00Z")
PARAMETERS = PipelineParameters()
SEEDS = (3, 5)
SCENARIOS = ("firewall", "message-storm")
"""Both end in alerts, so that equality says something."""


@functools.cache
def recorded(scenario: str, seed: int) -> tuple[bytes, ...]:
    """The lines of a small world over two days at 10-minute windows."""
    simulation = simulate(find_scenario(scenario), seed, users=6, days=2, start_us=START_US, window_s=600)
    return tuple(b"".join(simulation.blocks()).splitlines())


@functools.cache
def undisturbed(scenario: str, seed: int) -> tuple[bytes, ...]:
    return run(scenario, seed, [recorded(scenario, seed)])


def fresh(scenario: str, seed: int) -> Pipeline:
    simulation = simulate(find_scenario(scenario), seed, users=6, days=2, start_us=START_US, window_s=600)
    pipeline = Pipeline(PARAMETERS)
    pipeline.declare(simulation.changes)
    return pipeline


def written(outputs: FlowStep) -> list[bytes]:
    """Everything but the dead letters, as it leaves."""
    lines = [to_json(record) for records in (outputs.alerts, outputs.incidents, outputs.reports) for record in records]
    return lines + [f"{user} ".encode() + to_json(record) for user, record in [*outputs.user_alerts, *outputs.user_reports]]


def run(scenario: str, seed: int, batches: list[tuple[bytes, ...]], *, restart_every: int = 0) -> tuple[bytes, ...]:
    pipeline = fresh(scenario, seed)
    lines: list[bytes] = []
    for number, batch in enumerate(batches, 1):
        lines += written(pipeline.feed(decode_ndjson(b"\n".join(batch) + b"\n", "events", 1)))
        if restart_every and number % restart_every == 0:
            pipeline = Pipeline.unpack(PARAMETERS, pipeline.pack())
    return tuple(sorted(lines + written(pipeline.finish())))


def cut(lines: tuple[bytes, ...], dice: random.Random, pieces: int) -> list[tuple[bytes, ...]]:
    indices = sorted({0, len(lines), *(dice.randrange(len(lines)) for _ in range(pieces))})
    return [lines[start:stop] for start, stop in itertools.pairwise(indices)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_simulated_day_brings_alerts_and_incidents(scenario: str) -> None:
    kinds = {line.split(b'"')[1] for line in undisturbed(scenario, SEEDS[0]) if line.startswith(b"{")}
    assert {b"alert_id", b"incident_id"} <= kinds


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_batching_never_matters(scenario: str, seed: int) -> None:
    assert run(scenario, seed, cut(recorded(scenario, seed), random.Random(seed), 60)) == undisturbed(scenario, seed)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_restart_anywhere_changes_nothing(scenario: str, seed: int) -> None:
    batches = cut(recorded(scenario, seed), random.Random(seed + 1), 25)
    assert run(scenario, seed, batches, restart_every=1) == undisturbed(scenario, seed)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_repeats_and_disorder_within_a_window_change_nothing(scenario: str) -> None:
    seed, dice = SEEDS[0], random.Random(9)
    lines = recorded(scenario, seed)
    width = sum(line.split(b'"observed_at":"')[1][:20] == lines[0].split(b'"observed_at":"')[1][:20] for line in lines)
    windows = [list(lines[start : start + width]) for start in range(0, len(lines), width)]
    for window in windows:
        window += dice.choices(window, k=3)
        dice.shuffle(window)
    assert run(scenario, seed, cut(tuple(line for window in windows for line in window), dice, 40)) == undisturbed(scenario, seed)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_when_a_revision_comes_to_be_known_does_not_depend_on_what_closes_in_one_step(scenario: str) -> None:
    """A revision an hour: however many of them lie within one step, each window is judged by what was known then."""
    lines = recorded(scenario, SEEDS[0])
    at_once, bit_by_bit = ((lines,), cut(lines, random.Random(4), 200))
    result = []
    for batches in (at_once, bit_by_bit):
        pipeline = fresh(scenario, SEEDS[0])
        pipeline.declare(
            change.model_copy(update={"revision": hour, "updated_at": instant(START_US + hour * HOUR_US), "title": f"As of {hour} h"})
            for change in pipeline.calendar(START_US).changes
            for hour in range(2, 48)
        )
        steps = [pipeline.feed(decode_ndjson(b"\n".join(batch) + b"\n", "events", 1)) for batch in batches]
        steps.append(pipeline.finish())
        result.append((sorted(line for step in steps for line in written(step)), pipeline.pack()))
    assert result[0][0] == result[1][0]
    assert result[0][1] == result[1][1]


def test_a_second_rewind_forgets_nothing_of_the_users_that_have_sent_nothing_since_the_first() -> None:
    lines = recorded(SCENARIOS[0], SEEDS[0])[:2000]
    user = lines[0].split(b'"user":"')[1].split(b'"')[0]
    pipeline = fresh(SCENARIOS[0], SEEDS[0])
    pipeline.feed(decode_ndjson(b"\n".join(lines) + b"\n", "events", 1))
    known = pipeline.learned()
    once = pipeline.rewound(START_US)
    once.feed(decode_ndjson(b"\n".join(line for line in lines if user in line) + b"\n", "events", 1))
    twice = Pipeline.unpack(PARAMETERS, once.pack()).rewound(START_US)
    twice.feed(decode_ndjson(b"\n".join(lines[:300]) + b"\n", "events", 1))
    for window_s, kinds in known.items():
        for kind, tree in kinds.items():
            detected = Pipeline.unpack(PARAMETERS, twice.pack())._detection.detection.learned_and_waiting()[window_s][kind]
            index = {tuple(key): number for number, key in enumerate(detected["keys"])}
            assert set(index) == {tuple(key) for key in tree["keys"]}
            others = [number for number, key in enumerate(tree["keys"]) if user.decode() not in key]
            assert others
            waiting = twice._detection.detection._learned[window_s][kind]
            at = {tuple(key): number for number, key in enumerate(waiting["keys"])}
            for part, columns in tree["parts"].items():
                for name, rows in columns.items():
                    kept = waiting["parts"][part][name][..., [at[tuple(tree["keys"][number])] for number in others]]
                    np.testing.assert_array_equal(kept, rows[..., others], err_msg=f"{part} {name}")
