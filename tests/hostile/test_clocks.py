"""A sender's clock is not the world's: what lies far ahead of its arrival waits, whoever sent it, and moves nothing."""

import json
from typing import Any

from models.times import SECOND_US, parse_time
from streams.decode import decode_body
from streams.pipeline import Pipeline, PipelineParameters
from tests.service.builders import lines, queue

MONDAY = parse_time("2026-01-05T00:00:00Z")


def _fed(pipeline: Pipeline, second: int, *events: dict[str, Any]) -> Any:
    return pipeline.feed(decode_body(lines(*events), "T"), "T", MONDAY + second * SECOND_US)


def test_three_events_for_three_users_next_year_make_no_real_event_late() -> None:
    pipeline = Pipeline()
    step = _fed(pipeline, 10, *(queue(365 * 86_400, user) for user in ("A", "B", "C")))
    assert (step.accepted, step.held, pipeline.watermark_us) == (0, 3, None)
    late = sum(_fed(pipeline, second, queue(second, "A"), queue(second, "B")).late for second in range(20, 400, 10))
    assert late == 0
    assert pipeline.watermark_us == MONDAY + 360 * SECOND_US


def test_a_lone_user_whose_clock_is_ahead_is_judged_as_time_comes_near() -> None:
    pipeline = Pipeline()
    steps = [_fed(pipeline, second, queue(second + 600, "A")) for second in range(10, 1000, 10)]
    assert steps[0].held == 1
    assert sum(step.accepted for step in steps) == 99 - steps[-1].held
    assert steps[-1].held == 30
    assert sum(step.late for step in steps) == 0


def test_malformed_neighbours_of_an_early_event_keep_their_place() -> None:
    body = lines(queue(10, "A"), queue(10_000, "A")) + b'{"kind":"queue"}\n' + lines(queue(20, "A"))
    pipeline = Pipeline()
    step = pipeline.feed(decode_body(body, "T"), "T", MONDAY)
    assert (step.accepted, step.held, [letter.position["index"] for letter in step.rejected]) == (2, 1, [2])
    end = pipeline.finish()
    assert [letter.position["index"] for letter in end.rejected] == [1]
    assert "ahead of its arrival" in end.rejected[0].reason


def test_what_waits_survives_a_checkpoint_and_gives_the_same_bytes() -> None:
    whole, parted = Pipeline(), Pipeline()
    for second in range(10, 900, 10):
        events = [queue(second, "B"), queue(second + 500, "A", depth=second)]
        _fed(whole, second, *events)
        _fed(parted, second, *events)
        parted = Pipeline.unpack(PipelineParameters(), parted.pack())
    assert whole.pack() == parted.pack()


def test_without_arrival_times_nothing_changes() -> None:
    pipeline = Pipeline()
    step = pipeline.feed(decode_body(json.dumps([queue(86_400 * 400, "A")]).encode(), "T"), "T")
    assert (step.accepted, step.held) == (1, 0)
