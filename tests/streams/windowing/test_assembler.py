"""The assembler does what contract 1.3 says, event by event, however its input is cut, repeated, disordered or interrupted."""

import json
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.state_bytes import pack, unpack
from models.times import SECOND_US, parse_time
from streams.decode import decode_ndjson
from streams.windowing import clock_skew_guard, window_store
from streams.windowing.assembler import Assembler, AssemblyResult, Closed, TimeParameters
from tests.streams.histories import START_US, Step, at, history
from tests.streams.naive import Naive
from tests.streams.written import line, lines, queue, traffic

PARAMETERS = [
    TimeParameters(),
    TimeParameters(allowed_lateness_s=0, allowed_future_s=0),
    TimeParameters(allowed_lateness_s=120, allowed_future_s=3600),
]


def shown(window: Closed) -> tuple[Any, ...]:
    """A closed window as the naive reference shows it."""

    def value(number: float) -> float | None:
        return None if math.isnan(number) else float(number)

    tick, queues = window.traffic, window.queues
    counts = (tick.messages, tick.failures, tick.user_side, tick.device_side)
    measures = (queues.depth, queues.oldest_age_s, queues.capacity, queues.enqueued, queues.delivered)
    assert (tick.at_us, tick.window_s) == (queues.at_us, queues.window_s) == (window.at_us, window.window_s)
    assert not any(column[~tick.reported].any() for column in counts)
    assert not queues.depth[~queues.reported].any()
    assert all(np.isnan(column[~queues.reported]).all() for column in measures[1:])
    traffic_rows = [
        (tuple(key), (*(float(column[row]) for column in counts), dict(tick.codes.get(row, {}))) if tick.reported[row] else None)
        for row, key in enumerate(window.traffic_keys)
    ]
    queue_rows = [
        (tuple(key), tuple(value(column[row]) for column in measures) if queues.reported[row] else None)
        for row, key in enumerate(window.queue_keys)
    ]
    return window.at_us, window.window_s, traffic_rows, queue_rows


class Run:
    """What an assembler brought, all steps together."""

    def __init__(self, parameters: TimeParameters, *, skip_gaps: bool = True) -> None:
        self._parameters, self._skip_gaps = parameters, skip_gaps
        self.assembler = Assembler(parameters, skip_gaps=skip_gaps)
        self.closed: list[Closed] = []
        self.rejected: list[tuple[str, Any, int | None]] = []
        self.accepted = self.late = self.repeated = self.held = 0

    def note(self, assembled: AssemblyResult) -> None:
        self.closed += assembled.closed
        for rejection, watermark_us in zip(assembled.rejected, assembled.watermarks_us, strict=True):
            self.rejected.append((kind_of(rejection.reason), mark_of(rejection.raw), watermark_us))
        self.accepted += assembled.accepted
        self.late += assembled.late
        self.repeated += assembled.repeated
        self.held = assembled.held

    def step(self, steps: Sequence[Step]) -> None:
        """Steps of one kind and stream, as one batch if they are events."""
        kind, given = steps[0][:2]
        if kind in ("event", "bad"):
            text = b"".join((line(step[2]) if step[0] == "event" else step[2]) + b"\n" for step in steps)
            self.note(self.assembler.feed(decode_ndjson(text, "f", 1), given))
        else:
            self.note(getattr(self.assembler, kind)(given))

    def restart(self) -> None:
        tree = unpack(pack(self.assembler.pack(), 1), 1)
        self.assembler = Assembler.unpack(self._parameters, tree, skip_gaps=self._skip_gaps)

    @property
    def windows(self) -> list[tuple[Any, ...]]:
        return [shown(window) for window in self.closed]


def kind_of(reason: str) -> str:
    return "late" if reason.startswith("late") else "future" if "ahead of every other User" in reason else "malformed"


def mark_of(raw: bytes) -> Any:
    return json.loads(raw)["mark"] if raw.startswith(b"{") else raw


def cut(steps: Sequence[Step], lengths: Sequence[int]) -> list[list[Step]]:
    """Steps in batches: events of one stream in runs of at most the next of `lengths`."""
    batches: list[list[Step]] = []
    for step in steps:
        fed = step[0] in ("event", "bad")
        last = batches[-1] if batches else []
        if fed and last and last[0][0] in ("event", "bad") and last[0][1] == step[1] and len(last) < lengths[len(batches) % len(lengths)]:
            last.append(step)
        else:
            batches.append([step])
    return batches


def run(
    steps: Sequence[Step], parameters: TimeParameters, lengths: Sequence[int], *, restarts: Sequence[int] = (), skip_gaps: bool = True
) -> Run:
    done = Run(parameters, skip_gaps=skip_gaps)
    for number, batch in enumerate(cut(steps, lengths)):
        done.step(batch)
        if number in restarts:
            done.restart()
    done.note(done.assembler.finish())
    return done


def naive(steps: Sequence[Step], parameters: TimeParameters, *, skip_gaps: bool = True) -> Naive:
    reference = Naive(parameters.allowed_lateness_s * SECOND_US, parameters.allowed_future_s * SECOND_US, skip_gaps)
    for kind, *rest in steps:
        if kind == "event":
            reference.feed(*rest)
        elif kind == "bad":
            reference.malformed(rest[1])
        else:
            getattr(reference, kind)(*rest)
    reference.finish()
    return reference


def assert_same(done: Run, reference: Naive) -> None:
    assert done.windows == reference.closed()
    assert done.rejected == reference.rejected
    assert done.repeated == reference.repeated()
    assert done.late == sum(kind == "late" for kind, _, _ in reference.rejected)
    assert done.accepted == sum(map(len, reference.windows.values()))
    assert done.assembler.watermark_us == reference.closed_us
    for earlier, later in zip(done.closed, done.closed[1:], strict=False):
        assert (earlier.at_us, earlier.window_s) < (later.at_us, later.window_s)


seeds = st.integers(0, 2**32)
lengths_of_batches = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(max_examples=250, deadline=None)
@given(seeds, st.sampled_from(PARAMETERS), lengths_of_batches, st.sets(st.integers(0, 30)), st.booleans())
def test_it_does_what_one_event_at_a_time_would_do(
    seed: int, parameters: TimeParameters, lengths: list[int], restarts: set[int], skip_gaps: bool
) -> None:
    steps = history(random.Random(seed), 40)
    assert_same(
        run(steps, parameters, lengths, restarts=sorted(restarts), skip_gaps=skip_gaps), naive(steps, parameters, skip_gaps=skip_gaps)
    )


@settings(max_examples=40, deadline=None)
@given(seeds, lengths_of_batches)
def test_room_that_is_made_in_open_windows_changes_nothing(seed: int, lengths: list[int]) -> None:
    steps = history(random.Random(seed), 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_store, "_CHUNKS_MOST", 1)
        patch.setattr(window_store, "_TIDY_FROM", 2)
        patch.setattr(window_store, "MOST_CODE_SETS", 1)
        done = run(steps, PARAMETERS[2], lengths)
    reference = naive(steps, PARAMETERS[2])
    assert done.windows == reference.closed()
    assert done.rejected == reference.rejected


@settings(max_examples=15, deadline=None)
@given(seeds, seeds, st.integers(1, 3))
def test_order_within_the_allowed_lateness_and_repeats_change_nothing(seed: int, shuffle: int, copies: int) -> None:
    dice = random.Random(seed)
    lines = [
        traffic(
            user=user,
            observed_at=at(20 * tick + dice.choice([0, 1, 5])),
            window_s=60,
            mark=0,
            messages=dice.randint(1, 9),
            codes={"E20": 1},
        )
        for tick in range(40)
        for user in ("U1", "U2")
    ]
    ordered = run([("event", "a", event) for event in lines], PARAMETERS[2], [7])
    assert (ordered.late, ordered.rejected) == (0, [])
    again = [
        (parse_time(event["observed_at"]) + random.Random(shuffle + number).randrange(59 * SECOND_US), event)
        for number, event in enumerate(lines * copies)
    ]
    disordered = run([("event", "a", event) for _, event in sorted(again, key=lambda one: one[0])], PARAMETERS[2], [5, 1, 30])
    for done in (ordered, disordered):
        done.note(done.assembler.follow(START_US + 900 * SECOND_US))
    assert disordered.windows == ordered.windows
    assert disordered.rejected == []
    assert disordered.repeated == len(lines) * (copies - 1)


def events_of(*events: dict[str, Any], stream: str = "a") -> list[Step]:
    return [("event", stream, event | {"mark": number}) for number, event in enumerate(events)]


def fed(*events: dict[str, Any], parameters: TimeParameters = PARAMETERS[0]) -> Run:
    """Without the end of the input."""
    done = Run(parameters)
    for step in events_of(*events):
        done.step([step])
    return done


def test_a_window_closes_once_the_watermark_reaches_its_end() -> None:
    assert [window.at_us for window in fed(traffic(observed_at=at(0)), traffic(observed_at=at(29))).closed] == []
    assert [window.at_us for window in fed(traffic(observed_at=at(0)), traffic(observed_at=at(30))).closed] == [START_US]


def test_an_event_is_late_once_its_window_has_closed_even_within_one_batch() -> None:
    steps = events_of(traffic(observed_at=at(0)), traffic(observed_at=at(30)), traffic(observed_at=at(-1)), traffic(observed_at=at(1)))
    for lengths in ([1], [4]):
        done = run(steps, PARAMETERS[0], lengths)
        assert done.rejected == [("late", 2, START_US)]
        assert done.late == 1


def test_observed_at_is_rounded_up_to_the_grid_of_its_window() -> None:
    done = run(
        events_of(
            *(traffic(observed_at=at(seconds), window_s=60, messages=1) for seconds in (0, 0.5, 59, 60, 61)), traffic(observed_at=at(300))
        ),
        PARAMETERS[0],
        [9],
    )
    by_key = {window.at_us - START_US: window.traffic.messages.tolist() for window in done.closed if window.window_s == 60}
    assert by_key == {
        0: [1.0],
        60 * SECOND_US: [3.0],
        120 * SECOND_US: [1.0],
        180 * SECOND_US: [0.0],
        240 * SECOND_US: [0.0],
        300 * SECOND_US: [0.0],
    }


def test_of_repeats_the_greater_counts_and_distinct_events_of_one_window_add_up() -> None:
    done = run(
        events_of(
            traffic(observed_at=at(9), messages=7, failures=1),
            traffic(observed_at=at(9), messages=9, failures=0),
            traffic(observed_at=at(9), messages=9, failures=2, codes={"E1": 2}),
            traffic(observed_at=at(9), messages=9, failures=2, codes={"E20": 2}),
            traffic(observed_at=at(9), messages=9, failures=2),
            traffic(observed_at=at(10), messages=100, codes={"E20": 1, "E19": 1}),
        ),
        PARAMETERS[0],
        [9],
    )
    window = done.closed[0].traffic
    assert (window.messages.tolist(), window.failures.tolist(), window.user_side.tolist(), window.device_side.tolist()) == (
        [109.0],
        [2.0],
        [1.0],
        [3.0],
    )
    assert dict(window.codes[0]) == {"E19": 1, "E20": 3}
    assert done.repeated == 4


def test_of_queue_events_of_one_window_the_latest_stands_and_of_repeats_the_deeper() -> None:
    done = run(
        events_of(
            queue(observed_at=at(9), depth=7),
            queue(observed_at=at(8), depth=9),
            queue(observed_at=at(9), depth=8, capacity=20),
            queue(observed_at=at(9), depth=8, capacity=3),
        ),
        PARAMETERS[0],
        [9],
    )
    done.note(done.assembler.follow(START_US + 10 * SECOND_US))
    window = done.closed[0].queues
    # Of two that are equally deep the greater canonical JSON counts, and "3" is greater than "20".
    assert (window.depth.tolist(), window.capacity.tolist()) == ([8.0], [3.0])


def test_absent_null_and_empty_parts_make_one_series() -> None:
    absent, null, empty = traffic(service=None), traffic() | {"service": None}, traffic(service="")
    done = run(events_of(*({**event, "observed_at": at(number)} for number, event in enumerate((absent, null, empty)))), PARAMETERS[0], [9])
    done.note(done.assembler.follow(START_US + 10 * SECOND_US))
    assert [key.service for key in done.closed[-1].traffic_keys] == [""]


def test_keys_stay_the_same_object_while_no_series_is_added_and_new_ones_come_sorted_behind() -> None:
    steps = events_of(
        *(traffic(observed_at=at(0), user=user) for user in ("U3", "U1")),
        traffic(observed_at=at(10), user="U3"),
        *(traffic(observed_at=at(20), user=user) for user in ("U4", "U2", "U3")),
        traffic(observed_at=at(60), user="U1"),
    )
    closed = run(steps, PARAMETERS[0], [2]).closed
    users = [[key.user for key in window.traffic_keys] for window in closed]
    assert users[:3] == [["U1", "U3"], ["U1", "U3"], ["U1", "U3", "U2", "U4"]]
    assert closed[0].traffic_keys is closed[1].traffic_keys
    assert all(window.traffic_keys is closed[2].traffic_keys for window in closed[2:])


def test_a_user_far_ahead_of_all_others_is_held_until_another_catches_up() -> None:
    first = [traffic(observed_at=at(0), user=user) for user in ("U1", "U2")]
    done = fed(*first, traffic(observed_at=at(3600), user="U1"))
    assert (done.held, done.closed, done.assembler.watermark_us) == (1, [], START_US - 30 * SECOND_US)
    done.step(events_of(traffic(observed_at=at(3600), user="U2"))[-1:])
    assert done.held == 0
    assert done.assembler.watermark_us == START_US + 3570 * SECOND_US
    done.note(done.assembler.finish())
    assert done.closed[-1].traffic.reported.tolist() == [True, True]


def test_exactly_as_far_ahead_as_is_allowed_is_not_held() -> None:
    first = [traffic(observed_at=at(0), user=user) for user in ("U1", "U2")]
    assert fed(*first, traffic(observed_at=at(300), user="U1")).held == 0
    assert fed(*first, traffic(observed_at=at(300.001), user="U1")).held == 1


def test_a_lone_user_is_never_held() -> None:
    assert fed(*(traffic(observed_at=at(5_000.0 * number)) for number in range(5))).held == 0


def test_what_is_held_at_the_end_of_the_input_is_a_dead_letter() -> None:
    done = run(
        events_of(*(traffic(observed_at=at(0), user=user) for user in ("U1", "U2")), traffic(observed_at=at(3600), user="U1")),
        PARAMETERS[0],
        [9],
    )
    assert done.rejected == [("future", 2, START_US)]
    assert (done.held, [window.at_us for window in done.closed]) == (0, [START_US])


def test_one_wrong_clock_costs_no_other_user_an_event() -> None:
    events = [
        traffic(observed_at=at(10 * tick + (400 if user == "U7" else 0)), user=user)
        for tick in range(200)
        for user in ("U1", "U2", "U7", "U3")
    ]
    done = run(events_of(*events), PARAMETERS[0], [50])
    assert {kind for kind, _, _ in done.rejected} <= {"future"}
    reported = sum(int(window.traffic.reported[[key.user != "U7" for key in window.traffic_keys]].sum()) for window in done.closed)
    assert reported == 600


def test_an_hour_in_order_of_time_passes_the_clock_skew_guard_in_one_part() -> None:
    """An event is near what another User sent just before it, however far the hour goes beyond what both had sent before."""
    guard = clock_skew_guard.ClockSkewGuard(allowed_future_s=300)
    hours = [
        decode_ndjson(lines(*(traffic(observed_at=at(60 * minute), user=user) for minute in hour for user in ("U1", "U2"))), "a", 1)
        for hour in (range(60), range(60, 120), range(240, 300))
    ]
    parts = [[(part.first, part.last) for part in guard.admit(hour, "a")] for hour in hours]
    assert parts[1] == [(0, 120)]
    # After a gap the first event is ahead of what every other User has sent: it is held until the next User's event.
    assert [first for first, _ in parts[2]] != [0]
    assert guard.held == 0


def test_too_many_held_events_are_dead_letters_at_once() -> None:
    first = [traffic(observed_at=at(0), user=user) for user in ("U1", "U2")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock_skew_guard, "HELD_MOST", 3)
        done = run(events_of(*first, *(traffic(observed_at=at(3600 + number), user="U1") for number in range(5))), PARAMETERS[0], [9])
    assert [(kind, mark) for kind, mark, _ in done.rejected] == [("future", 5), ("future", 6), ("future", 2), ("future", 3), ("future", 4)]


def test_windows_close_on_the_lowest_active_stream_and_an_idle_one_follows() -> None:
    done = Run(PARAMETERS[0])
    done.step(events_of(traffic(observed_at=at(0)), stream="slow"))
    done.step(events_of(traffic(observed_at=at(200), user="U2"), stream="fast"))
    assert done.closed == []
    done.step([("idle", "slow")])
    assert done.closed[-1].at_us == START_US + 170 * SECOND_US
    done.restart()
    done.step(events_of(traffic(observed_at=at(210), user="U2"), stream="fast"))
    assert done.closed[-1].at_us == START_US + 180 * SECOND_US
    done.step(events_of(traffic(observed_at=at(181)), stream="slow"))
    assert done.rejected == []
    done.step(events_of(traffic(observed_at=at(230), user="U2"), stream="fast"))
    assert done.closed[-1].at_us == START_US + 180 * SECOND_US


def test_a_stream_that_wakes_closes_nothing_before_its_first_event_is_judged() -> None:
    done = Run(PARAMETERS[0])
    done.step(events_of(traffic(observed_at=at(0)), stream="a"))
    done.step(events_of(traffic(observed_at=at(60)), stream="b"))
    done.step([("idle", "b")])
    done.step([("idle", "a")])
    done.step(events_of(traffic(observed_at=at(20)), stream="b"))
    assert done.rejected == []
    assert done.assembler.watermark_us == START_US + 30 * SECOND_US


def test_a_malformed_line_comes_before_what_a_later_one_of_its_batch_releases() -> None:
    first = [traffic(observed_at=at(seconds), user=user) for seconds, user in ((0, "U1"), (0, "U2"), (3600, "U1"))]
    steps = [
        *events_of(*first),
        ("follow", START_US + 4000 * SECOND_US),
        ("bad", "a", b"broken"),
        *events_of(traffic(observed_at=at(3901), user="U2")),
    ]
    for lengths in ([1], [9]):
        assert run(steps, PARAMETERS[0], lengths).rejected[:2] == [
            ("malformed", b"broken", START_US + 4000 * SECOND_US),
            ("late", 2, START_US + 4000 * SECOND_US),
        ]


def test_a_day_without_anything_is_closed_window_by_window_and_the_rest_of_a_gap_is_skipped() -> None:
    steps = events_of(traffic(observed_at=at(0), window_s=600), traffic(observed_at=at(5 * 86_400), window_s=600))
    ends = [(window.at_us - START_US) // SECOND_US for window in run(steps, PARAMETERS[0], [9]).closed]
    assert ends == [*range(0, 86_400 + 1, 600), 5 * 86_400]


def test_a_repeat_without_end_takes_no_room() -> None:
    done = Run(PARAMETERS[0])
    text = line(traffic(codes={"E20": 1})) + b"\n"
    batch = decode_ndjson(text * 10_000, "f", 1)
    for _ in range(60):
        done.note(done.assembler.feed(batch, "a"))
    assert len(pack(done.assembler.pack(), 1)) < 10_000_000
    done.restart()
    done.note(done.assembler.finish())
    assert (done.repeated, done.closed[0].traffic.messages.tolist()) == (599_999, [120.0])


def test_codes_that_never_come_again_are_forgotten() -> None:
    done = Run(PARAMETERS[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_store, "MOST_CODE_SETS", 100)
        for tick in range(40):
            text = b"".join(
                line(traffic(observed_at=at(10 * tick), user=f"U{user}", messages=4_000, codes={"E20": 100 * tick + user})) + b"\n"
                for user in range(100)
            )
            done.note(done.assembler.feed(decode_ndjson(text, "f", 1), "a"))
    assert len(done.assembler.pack()["cohorts"]["10"]["sets"]) < 1_500


def test_times_at_the_ends_of_the_calendar_break_nothing() -> None:
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"):
        done = run([*events_of(traffic(observed_at=text, window_s=3600)), ("bad", "a", b"broken")], PARAMETERS[0], [9])
        assert [kind for kind, _, _ in done.rejected] == ["malformed"]
