"""Windows read by a process of its own and detected by another: the same as without them, and whatever ends one is said."""

import gzip
import json
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from multiprocessing import Pipe, active_children
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest

from models.columns import Findings, SeriesKey
from models.errors import UnreadableInput
from models.state_bytes import pack
from models.times import format_time, parse_time
from streams.decode import decode_ndjson
from streams.pipeline import Detections, Pipeline, PipelineParameters
from streams.process_stage import _KEPT, StageOutput, _KeyTable, run_in_process
from streams.replay import WindowBatch, detect_windows, read_windows, windows
from streams.sources.line_blocks import BLOCK_BYTES
from streams.windowing.assembler import Assembler, TimeParameters
from streams.windowing.window_events import WindowCodes, packed_codes, unpacked_codes

START_US = parse_time("2026-01-05T00:00:00Z")


def event(minute: int, user: int, **fields: object) -> bytes:
    at = {"kind": "traffic", "observed_at": format_time(START_US + minute * 60_000_000 + 1), "user": f"SUPPLIER-{user:03}"}
    plain = {"direction": "to_dsp", "message_class": "service_request", "messages": minute + user}
    return json.dumps(at | plain | fields).encode() + b"\n"


def lines(first: int, minutes: int, users: int, *, one_more_every: int = 20) -> bytes:
    """Ever more Users, response codes here and there, now and then a bad line or a late one."""
    return b"".join(
        event(minute, user, failures=1, codes={"E20": 1}) if (minute + user) % 7 == 0 else b"no event\n" if (minute + user) % 211 == 5
        else event(minute // 2, user) if (minute + user) % 307 == 9 else event(minute, user)
        for minute in range(first, first + minutes)
        for user in range(min(users, minute // one_more_every + 1))
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two files of several blocks, the second packed."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "a.ndjson").write_bytes(lines(0, 700, 60, one_more_every=5))
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(lines(700, 120, 60, one_more_every=5)))
    assert (folder / "a.ndjson").stat().st_size > BLOCK_BYTES
    return [str(folder / "a.ndjson"), str(folder / "b.ndjson.gz")]


def result(reached: WindowBatch) -> object:
    """Everything in it, as plain values."""
    one = reached.assembled
    closed = [
        (each.at_us, each.window_s, each.traffic_keys, each.queue_keys, each.traffic.messages.tolist(), each.traffic.failures.tolist(),
         each.traffic.reported.tolist(), dict(each.traffic.codes), each.queues.depth.tolist())
        for each in one.closed
    ]  # fmt: skip
    return closed, one.rejected, one.watermarks_us, (one.accepted, one.repeated, one.late, one.held), reached.events


def read(paths: list[str]) -> list[WindowBatch]:
    with ExitStack() as stack:
        return list(read_windows(stack, paths, TimeParameters()))


def test_another_process_gives_the_same_windows(recorded):
    listed = [result(reached) for reached in read(recorded)]
    assert listed == [result(reached) for reached in windows(recorded, TimeParameters())]
    assert sum(len(each[1]) for each in listed) > 100
    assert len(listed) > 3


@pytest.mark.parametrize("threads", [0, 1])
def test_two_stages_apart_give_the_same_alerts_as_one_process(recorded, threads):
    """Copied from this process, or, as long as another thread runs here, begun anew."""
    parameters = PipelineParameters()
    alone = Pipeline(parameters)
    whole = [alone.decide(alone.detect(reached.assembled)) for reached in windows(recorded, parameters.time)]
    done = threading.Event()
    waiting = [threading.Thread(target=done.wait) for _ in range(threads)]
    for thread in waiting:
        thread.start()
    deciding = Pipeline(parameters, for_users=False)
    with ExitStack() as stack:
        stack.callback(done.set)
        source = read_windows(stack, recorded, parameters.time)
        replayed = list(detect_windows(stack, source, parameters, [], save=True))
    parts = [deciding.decide(one.detections) for one in replayed]
    for name in ("alerts", "incidents", "reports", "rejected"):
        assert [record for step in parts for record in getattr(step, name)] == [record for step in whole for record in getattr(step, name)]
    assert [step.windows for step in parts] == [*(step.windows for step in whole), 0]
    assert pack(replayed[-1].learned, 1) == pack(alone.learned(), 1)
    assert not any(step.user_alerts or step.user_reports for step in parts)


def test_the_keys_stay_the_same_object_while_no_series_comes(recorded):
    """Everything that is arranged by series is arranged anew for a new object."""
    keys = [closed.traffic_keys for reached in read(recorded) for closed in reached.assembled.closed]
    assert all(now is before for before, now in pairwise(keys) if len(now) == len(before))
    assert len(keys[-1]) == 60


def growing() -> Iterator[tuple[SeriesKey, ...]]:
    """More tuples of keys than either side remembers, the first one again and again."""
    first = (SeriesKey("A", "to_dsp", "alert", "", "", "", 60),)
    for number in range(300):
        yield first
        yield (*first, SeriesKey(f"B{number}", "to_dsp", "alert", "", "", "", 60))


def test_keys_that_were_forgotten_go_over_again():
    with ExitStack() as stack:
        rows: list[tuple[SeriesKey, ...]] = list(run_in_process(stack, "grow", growing))
    assert rows == list(growing())


def test_both_sides_forget_the_same_old_keys():
    receiver, sender = Pipe(duplex=False)
    there, here = _KeyTable(), _KeyTable()
    for item in growing():
        there.send(sender, item)
        assert here.receive(receiver) == item
        assert list(there._known) == list(here._known)
    assert len(here._known) == len(there._numbers) == _KEPT


def test_a_file_that_breaks_off_is_said_after_what_stood_before_it(tmp_path):
    packed = gzip.compress(lines(0, 1500, 40))
    (tmp_path / "cut.ndjson.gz").write_bytes(packed[: len(packed) * 9 // 10])
    listed: list[WindowBatch] = []
    with ExitStack() as stack:
        source = read_windows(stack, [str(tmp_path / "cut.ndjson.gz")], TimeParameters())
        with pytest.raises(UnreadableInput, match="ends in the middle"):
            listed.extend(source)
    assert sum(reached.events for reached in listed) > 10_000


def test_a_pipe_is_read_by_the_process_that_holds_it():
    """As in `highwater replay <(zcat events.gz)`."""
    ours, theirs = os.pipe()
    os.write(theirs, lines(0, 40, 2))
    os.close(theirs)
    try:
        assert sum(reached.events for reached in read([f"/dev/fd/{ours}"])) == 60
    finally:
        os.close(ours)


def test_a_stage_that_is_killed_is_said_wherever_it_stands(recorded):
    with ExitStack() as stack:
        source = read_windows(stack, recorded, TimeParameters())
        [reader] = active_children()
        replayed = detect_windows(stack, source, PipelineParameters(), [])
        killed = (os.kill(reader.pid or 0, signal.SIGKILL) for _ in replayed)
        with pytest.raises(UnreadableInput, match=r"the process that was to read .* has ended unexpectedly: is there enough memory"):
            list(killed)


def test_a_stage_that_is_killed_while_it_hands_over_is_said():
    receiver, sender = Pipe(duplex=False)
    whole, theirs = os.pipe()
    with ExitStack() as stack:
        stack.callback(receiver.close)
        copied = Connection(theirs, readable=False)
        _KeyTable().send(copied, "one item")
        copied.close()
        sent = os.read(whole, 1000)
        os.close(whole)
        os.write(sender.fileno(), sent + sent[:-1])
        sender.close()
        received = iter(StageOutput[str](receiver, "read a file"))
        assert next(received) == "one item"
        with pytest.raises(UnreadableInput, match="the process that was to read a file has ended"):
            next(received)


def test_who_stops_early_leaves_no_process_behind(recorded):
    with ExitStack() as stack:
        source = read_windows(stack, recorded, TimeParameters())
        next(iter(detect_windows(stack, source, PipelineParameters(), [])))
        assert len(active_children()) == 2
    assert not active_children()


def test_a_stage_ends_with_whoever_was_to_receive(recorded):
    """Killed, a replay ends nothing itself."""
    ours, theirs = os.pipe()
    owner = os.fork()
    if not owner:
        try:
            stack = ExitStack()
            next(iter(detect_windows(stack, read_windows(stack, recorded, TimeParameters()), PipelineParameters(), [])))
            os.write(theirs, " ".join(str(child.pid) for child in active_children()).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(theirs)
    stages = [os.pidfd_open(int(number)) for number in os.read(ours, 100).split()]
    os.waitpid(owner, 0)
    assert len(stages) == 2
    for stage in stages:
        assert select.select([stage], [], [], 60)[0], "a process that ended can be read from"
        os.close(stage)
    os.close(ours)


def test_only_the_codes_of_a_window_travel_with_it():
    sets = [{"E1": number} for number in range(1000)]
    codes = [
        WindowCodes(np.array([3, 3, 8]), np.array([700, 20, 700]), sets),
        WindowCodes(np.array([], np.int64), np.array([], np.int64), []),
        WindowCodes(np.array([2]), np.array([1]), [{"E2": 1}, {"E20": 5}]),
    ]
    packed = bytes(ForkingPickler.dumps(packed_codes(codes)))
    there = unpacked_codes(ForkingPickler.loads(packed))
    assert [dict(each) for each in there] == [dict(each) for each in codes]
    assert dict(there[0]) == {3: {"E1": 720}, 8: {"E1": 700}}
    assert len(packed) < 1000


def test_windows_travel_as_columns_whatever_their_lengths_series_and_findings():
    """Two lengths, queues, windows without series, and series that come later."""
    queue = {"kind": "queue", "user": "SUPPLIER-001", "queue": "to_user", "depth": 5, "window_s": 600, "oldest_age_s": 2.5}
    text = [event(minute, user, window_s=60 if user else 300) for minute in range(0, 300, 3) for user in range(1 + minute // 100)]
    text += [
        json.dumps(queue | {"observed_at": format_time(START_US + minute * 60_000_000)}).encode() + b"\n" for minute in range(0, 2000, 10)
    ]
    pipeline, assembler = Pipeline(), Assembler(TimeParameters())
    assembled = assembler.feed(decode_ndjson(b"".join(sorted(text, key=lambda line: json.loads(line)["observed_at"])), "events", 1))
    windows = [(at_us, list(entry)) for at_us, entry in pipeline.detect(assembled).windows]
    windows[7][1][0] = replace(windows[7][1][0], traffic=finding())
    detections = Detections(windows, assembled)
    there = ForkingPickler.loads(bytes(ForkingPickler.dumps(detections)))
    assert _plain(there.assembled) == _plain(assembled)
    pulses = [
        [replace(one, pulse=replace(one.pulse, user_side=np.zeros(0), device_side=np.zeros(0))) for one in entry]
        for _, entry in detections.windows
    ]
    assert [at_us for at_us, _ in there.windows] == [at_us for at_us, _ in detections.windows]
    assert _plain([entry for _, entry in there.windows]) == _plain(pulses)
    assert {one.window_s for one in assembled.closed} == {60, 300, 600}


def finding() -> Findings:
    """One finding of the first series."""
    nothing, one = Findings.none(), np.ones(1)
    columns = {each.name: one.astype(getattr(nothing, each.name).dtype) for each in fields(nothing)[:9]}
    return Findings(**columns, evidence={"ratio": one}, codes={0: {"E20": 2}}, refused=frozenset({(2, 0)}))


def _plain(value: Any) -> Any:
    """`value` with arrays as lists and their types."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, repr(value.tolist())
    if isinstance(value, WindowCodes):
        return dict(value)
    if is_dataclass(value):
        return [_plain(getattr(value, each.name)) for each in fields(value)]
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def test_learning_sends_the_number_of_windows_and_no_results(tmp_path):
    (tmp_path / "some.ndjson").write_bytes(lines(0, 30, 3))
    learned = []
    for findings in (True, False):
        with ExitStack() as stack:
            source = windows([str(tmp_path / "some.ndjson")], TimeParameters())
            replayed = list(detect_windows(stack, source, PipelineParameters(), [], save=True, findings=findings))
        assert sum(one.windows for one in replayed) == 169, "windows of ten seconds"
        assert any(one.detections.windows for one in replayed) is findings
        learned.append(pack(replayed[-1].learned, 1))
    assert learned[0] == learned[1]
