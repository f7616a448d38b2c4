"""Windows read by a process of its own: the same as without it, and whatever ends it is said."""

import gzip
import json
import os
import signal
from itertools import pairwise
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from models.errors import UnreadableInput
from models.times import format_time, parse_time
from streams.pending import WindowCodes
from streams.sources.blocks import BLOCK_BYTES
from streams.sources.windows import EventWindows, Reached, _windows
from streams.ticks import TimeParameters

START_US = parse_time("2026-01-05T00:00:00Z")


def event(minute: int, user: int, **fields: object) -> bytes:
    at = {"kind": "traffic", "observed_at": format_time(START_US + minute * 60_000_000 + 1), "user": f"SUPPLIER-{user:03}"}
    plain = {"direction": "to_dsp", "message_class": "service_request", "messages": minute + user}
    return json.dumps(at | plain | fields).encode() + b"\n"


def lines(first: int, minutes: int, users: int) -> bytes:
    """Ever more Users, response codes here and there, now and then a bad line or a late one."""
    return b"".join(
        event(minute, user, failures=1, codes={"E20": 1}) if (minute + user) % 7 == 0 else b"no event\n" if (minute + user) % 211 == 5
        else event(minute // 2, user) if (minute + user) % 307 == 9 else event(minute, user)
        for minute in range(first, first + minutes)
        for user in range(min(users, minute // 20 + 1))
    )  # fmt: skip


@pytest.fixture
def recorded(tmp_path: Path) -> list[str]:
    """Two files of several blocks, the second packed."""
    (tmp_path / "a.ndjson").write_bytes(lines(0, 1500, 40))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(lines(1500, 300, 60)))
    assert (tmp_path / "a.ndjson").stat().st_size > BLOCK_BYTES
    return [str(tmp_path / "a.ndjson"), str(tmp_path / "b.ndjson.gz")]


def told(reached: Reached) -> object:
    """Everything in it, as plain values."""
    one = reached.assembled
    closed = [
        (each.at_us, each.window_s, each.traffic_keys, each.queue_keys, each.traffic.messages.tolist(), each.traffic.failures.tolist(),
         each.traffic.reported.tolist(), dict(each.traffic.codes), each.queues.depth.tolist())
        for each in one.closed
    ]  # fmt: skip
    return closed, one.rejected, one.watermarks_us, (one.accepted, one.repeated, one.late, one.held), reached.events


def test_another_process_gives_the_same_windows(recorded):
    with EventWindows(recorded, TimeParameters()) as windows:
        found = [told(reached) for reached in windows]
    assert found == [told(reached) for reached in _windows(recorded, TimeParameters())]
    assert sum(len(each[1]) for each in found) > 100
    assert len(found) > 3


def test_the_keys_stay_the_same_object_while_no_series_comes(recorded):
    """Everything that is arranged by series is arranged anew for a new object."""
    with EventWindows(recorded, TimeParameters()) as windows:
        keys = [closed.traffic_keys for reached in windows for closed in reached.assembled.closed]
    assert all(now is before for before, now in pairwise(keys) if len(now) == len(before))
    assert len(keys[-1]) == 60


def test_a_file_that_breaks_off_is_said_after_what_stood_before_it(tmp_path):
    packed = gzip.compress(lines(0, 1500, 40))
    (tmp_path / "cut.ndjson.gz").write_bytes(packed[: len(packed) * 9 // 10])
    found: list[Reached] = []
    cut = [str(tmp_path / "cut.ndjson.gz")]
    with EventWindows(cut, TimeParameters()) as windows, pytest.raises(UnreadableInput, match="ends in the middle"):
        found.extend(windows)
    assert sum(reached.events for reached in found) > 10_000


def test_what_can_not_be_opened_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(UnreadableInput, match="No such file"):
        EventWindows([str(tmp_path / "nowhere.ndjson")], TimeParameters())


def test_a_pipe_is_read_by_the_process_that_holds_it(tmp_path):
    """As in `highwater replay <(zcat events.gz)`."""
    ours, theirs = os.pipe()
    os.write(theirs, lines(0, 40, 2))
    os.close(theirs)
    try:
        with EventWindows([f"/dev/fd/{ours}"], TimeParameters()) as windows:
            assert sum(reached.events for reached in windows) == 60
    finally:
        os.close(ours)


def test_a_reader_that_is_killed_is_said(recorded):
    with EventWindows(recorded, TimeParameters()) as windows:
        killed = (os.kill(windows._process._process.pid, signal.SIGKILL) for _ in windows)
        with pytest.raises(UnreadableInput, match="ended with -9: is there memory left"):
            list(killed)


def test_who_stops_early_leaves_no_reader_behind(recorded):
    with EventWindows(recorded, TimeParameters()) as windows:
        next(iter(windows))
        reader = windows._process._process
    assert reader.exitcode is not None


def test_only_the_codes_of_a_window_travel_with_it():
    sets = [{"E1": number} for number in range(1000)]
    codes = WindowCodes(np.array([3, 3, 8]), np.array([700, 20, 700]), sets)
    packed = bytes(ForkingPickler.dumps(codes))
    there = ForkingPickler.loads(packed)
    assert dict(there) == dict(codes) == {3: {"E1": 720}, 8: {"E1": 700}}
    assert len(packed) < 1000
