import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import HighwaterError
from models.events import QueueEvent, TrafficEvent
from models.times import format_time, parse_time
from simulator.files import write_simulation
from simulator.memory import batches, ticks
from simulator.scenarios import SCENARIOS
from simulator.simulation import Simulation, find_scenario
from streams.decode import decode_ndjson
from tests.simulator.builders import MONDAY, simulated


def events(simulation: Simulation) -> list[dict[str, object]]:
    return [json.loads(line) for block in simulation.blocks() for line in block.splitlines()]


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, second = simulated("day", seed=4), simulated("day", seed=4)
    assert b"".join(first.blocks()) == b"".join(second.blocks())
    assert first.changes == second.changes
    assert first.truth.encode() == second.truth.encode()


def test_another_seed_gives_another_day() -> None:
    first, second = simulated("day", seed=4, users=12), simulated("day", seed=5, users=12)
    assert next(first.blocks()) != next(second.blocks())
    assert first.truth.anomalies != second.truth.anomalies


def test_every_line_is_a_valid_event_of_the_contract() -> None:
    for line in b"".join(simulated("message-storm", users=3).blocks()).splitlines()[::7]:
        model = QueueEvent if b'"kind":"queue"' in line else TrafficEvent
        event = model.model_validate_json(line)
        assert event.user in line.decode()


def test_every_series_reports_once_a_window_in_the_order_of_time() -> None:
    simulation = simulated(users=3)
    listed = [
        (event["observed_at"], *(event.get(name) for name in ("user", "direction", "message_class", "service", "region", "queue")))
        for event in events(simulation)
    ]
    assert len(set(listed)) == len(listed) == simulation.events
    times = [str(row[0]) for row in listed]
    assert times == sorted(times)
    assert times[0] == "2026-01-05T00:01:00Z"
    assert times[-1] == "2026-01-06T00:00:00Z"


def test_codes_add_up_to_the_failures() -> None:
    failing = [event for event in events(simulated("bad-release", users=3)) if "failures" in event]
    assert failing
    assert all(sum(event["codes"].values()) == event["failures"] <= event["messages"] for event in failing)


def test_columns_in_memory_are_what_decoding_the_lines_gives() -> None:
    simulation = simulated("telemetry-gap", users=3, seed=2)
    for block, batch in zip(simulation.blocks(), batches(simulation), strict=True):
        decoded = decode_ndjson(block, "simulation", 1)
        assert len(decoded) == len(batch)
        for name in ("observed_us", "value", "failures", "oldest_age_s", "capacity", "enqueued", "delivered"):
            np.testing.assert_array_equal(getattr(decoded, name), getattr(batch, name), err_msg=name)
        assert [decoded.keys[key] for key in decoded.key[:200]] == [batch.keys[key] for key in batch.key[:200]]
        for event in range(0, len(batch), 97):
            sets = [dict(one.code_sets[one.codes[event]]) if one.codes[event] >= 0 else None for one in (decoded, batch)]
            assert sets[0] == sets[1]
            assert batch.raw(event) == decoded.raw(event).rstrip(b"\n")


def test_ticks_in_memory_hold_every_event() -> None:
    simulation = simulated("day", users=3)
    by_end = {}
    for event in events(simulation):
        if event["kind"] == "traffic":
            by_end.setdefault(event["observed_at"], []).append((event["messages"], event.get("failures", 0)))
    for traffic, queues in ticks(simulation):
        assert [(int(m), int(f)) for m, f in zip(traffic.messages, traffic.failures, strict=True)] == by_end[format_time(traffic.at_us)]
        assert (traffic.user_side + traffic.device_side == traffic.failures).all()
        assert sum(sum(codes.values()) for codes in traffic.codes.values()) == traffic.failures.sum()
        assert queues.reported.all()


def test_a_telemetry_gap_leaves_lines_out() -> None:
    simulation = simulated("telemetry-gap", users=8)
    assert sum(len(block.splitlines()) for block in simulation.blocks()) < simulation.events


def test_files_are_byte_identical_and_complete(tmp_path: Path) -> None:
    simulation = simulated("quiet", users=2)
    seen: list[int] = []
    write_simulation(simulation, tmp_path / "one", progress=seen.append)
    write_simulation(simulation, tmp_path / "two")
    for name in ("events.ndjson.gz", "changes.json", "truth.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert gzip.decompress((tmp_path / "one" / "events.ndjson.gz").read_bytes()) == b"".join(simulation.blocks())
    assert seen[-1] == simulation.timeline.windows
    changes = json.loads((tmp_path / "one" / "changes.json").read_bytes())
    assert [change["change_id"] for change in changes] == [change.change_id for change in simulation.changes]


def test_a_folder_that_can_not_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HighwaterError, match="choose another --out"):
        write_simulation(simulated(users=1), tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"users": 0}, "Users"),
        ({"days": 0}, "1 to 400 days"),
        ({"seed": -1}, "seed"),
        ({"window_s": 0}, "window"),
        ({"window_s": 7000}, "window"),
    ],
)
def test_sizes_that_make_no_world_are_refused(bad: dict[str, int], words: str) -> None:
    with pytest.raises(HighwaterError, match=words):
        simulated(**bad)


def test_an_unknown_scenario_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(HighwaterError, match="'fire'; there are quiet, firewall, message-storm, day"):
        find_scenario("fire")


@pytest.mark.parametrize("window_s", [10, 300, 3600])
def test_any_window_that_divides_a_day_will_do(window_s: int) -> None:
    simulation = simulated("firewall", users=2, window_s=window_s)
    first = json.loads(next(simulation.blocks()).split(b"\n", 1)[0])
    assert first["window_s"] == window_s
    assert parse_time(first["observed_at"]) == parse_time(MONDAY) + window_s * 1_000_000


def test_the_scenarios_of_the_contract_are_there() -> None:
    assert {"quiet", "firewall", "message-storm", "day"} <= set(SCENARIOS)
    assert all(name == scenario.name and scenario.summary.endswith(".") for name, scenario in SCENARIOS.items())
