"""Event files are read as one stream, in flat memory, and say clearly when they can't be read."""

import gzip
import heapq
import io
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.columns import EventBatch
from models.errors import UnreadableInput
from models.times import parse_time
from streams.decode import decode_ndjson
from streams.sources import line_blocks
from streams.sources.event_files import EventFiles
from streams.windowing import batches
from streams.windowing.batches import split_by_event_time
from tests.streams.histories import START_US, at
from tests.streams.written import line, lines, traffic


def written(path: Path, text: bytes) -> str:
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


def read(*paths: str) -> list[tuple[Any, ...]]:
    """(source, position, messages) of every event, and of every malformed line without messages, in the order they come."""
    listed: list[tuple[Any, ...]] = []
    with EventFiles(paths) as files:
        for batch in files:
            listed += result(batch)
    return listed


def result(batch: EventBatch) -> list[tuple[Any, ...]]:
    events = [(number, 1, (batch.source(number), dict(batch.position(number)), int(batch.value[number]))) for number in range(len(batch))]
    malformed = [(one.order, 0, (one.source, dict(one.position), None)) for one in batch.rejections]
    return [one for *_, one in sorted(events + malformed, key=lambda each: each[:2])]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_blocks, "READ_BYTES", 700)
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 1000)


@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz"])
@pytest.mark.usefixtures("small_blocks")
def test_a_file_is_read_whole_and_in_order_whatever_the_blocks(tmp_path: Path, name: str) -> None:
    text = lines(*(traffic(messages=number) for number in range(100)))
    path = written(tmp_path / name, text)
    assert read(path) == [(path, {"line": number + 1, "index": 0}, number) for number in range(100)]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", lines(traffic(messages=1)) + line(traffic(messages=2)))
    assert [messages for *_, messages in read(path)] == [1, 2]


@pytest.mark.usefixtures("small_blocks")
def test_gzip_may_have_several_members_and_zeros_behind_them_and_any_name(tmp_path: Path) -> None:
    members = [lines(*(traffic(messages=10 * member + number) for number in range(10))) for member in range(3)]
    path = tmp_path / "events.json"
    path.write_bytes(b"".join(map(gzip.compress, members)) + bytes(3000))
    assert [messages for *_, messages in read(str(path))] == list(range(30))


@pytest.mark.usefixtures("small_blocks")
def test_gzip_that_holds_far_more_than_its_size_is_unpacked_little_by_little(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson.gz", lines(traffic()) * 20_000)
    with EventFiles([path]) as files:
        assert max(len(batch) for batch in files) < 30


def test_standard_input_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(lines(traffic(messages=3))))))
    assert read("-") == [("-", {"line": 1, "index": 0}, 3)]


@st.composite
def file_sets(draw: st.DrawFn) -> list[list[tuple[int, bytes]]]:
    """Files of (second or -1 for a malformed line, line), mostly in order."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    files = []
    for number in range(draw(st.integers(2, 3))):
        clock, file = dice.randrange(5), list[tuple[int, bytes]]()
        for index in range(dice.randrange(30)):
            clock += dice.choice([0, 0, 1, 3])
            second = max(0, clock - dice.choice([0, 0, 0, 2, 5]))
            mark = 1000 * number + index
            file.append((second, line(traffic(observed_at=at(second), messages=mark))) if dice.random() < 0.9 else (-1, b"broken"))
        files.append(file)
    return files


@settings(max_examples=60, deadline=None)
@given(file_sets(), st.sampled_from([300, 1000, 10**6]))
def test_files_are_merged_by_observed_at_with_ties_in_the_order_of_the_arguments(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, bytes]]], block: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = [written(folder / f"{number}.ndjson", b"".join(text + b"\n" for _, text in file)) for number, file in enumerate(files)]
    if not any(files):
        return
    heads = [[(second, number, index) for index, (second, _) in enumerate(file) if second >= 0] for number, file in enumerate(files)]
    # Heads are compared, not all events: what is out of order in a file stays where it stands.
    wanted = [1000 * number + index for _, number, index in heapq.merge(*heads, key=lambda one: one[:2])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "READ_BYTES", block)
        patch.setattr(line_blocks, "BLOCK_BYTES", block)
        rows = read(*paths)
    assert [messages for *_, messages in rows if messages is not None] == wanted
    for path, file in zip(paths, files, strict=True):
        own = [position["line"] for source, position, _ in rows if source == path]
        assert own == list(range(1, len(file) + 1))


def test_what_is_out_of_order_in_one_file_waits_for_no_other(tmp_path: Path) -> None:
    first = written(tmp_path / "1.ndjson", lines(*(traffic(observed_at=at(second), messages=second) for second in (10, 5, 20))))
    second = written(tmp_path / "2.ndjson", lines(*(traffic(observed_at=at(second), messages=second) for second in (7, 10, 12))))
    assert [messages for *_, messages in read(first, second)] == [7, 10, 5, 10, 12, 20]
    assert [messages for *_, messages in read(second, first)] == [7, 10, 10, 5, 12, 20]


def test_the_bytes_read_tell_how_far_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", lines(traffic()) * 10)
    with EventFiles([path]) as files:
        assert (files.read_bytes, files.total_bytes) == (0, os.path.getsize(path))
        list(files)
        assert files.read_bytes == files.total_bytes


def test_a_batch_over_a_long_time_goes_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PACE_WINDOWS", 6)
    texts = [line(traffic(observed_at=at(20 * number), messages=number)) if number % 7 else b"broken" for number in range(50)]
    batch = decode_ndjson(b"\n".join(texts), "f", 1)
    parts = list(split_by_event_time(batch))
    assert [one for each in parts for one in result(each)] == result(batch)
    assert [each.raw(number) for each in parts for number in range(len(each))] == [batch.raw(number) for number in range(len(batch))]
    assert all(int(each.observed_us.max() - each.observed_us.min()) <= 60_000_000 for each in parts)
    assert len(parts) > 10
    assert int(batch.observed_us[0]) >= START_US == parse_time(at(0))


def unreadable(*paths: str) -> str:
    with pytest.raises(UnreadableInput) as fault:
        read(*paths)
    message = str(fault.value)
    assert "\n" not in message
    return message


def test_a_missing_file_a_folder_and_an_empty_file_are_each_named(tmp_path: Path) -> None:
    good = written(tmp_path / "good.ndjson", lines(traffic()))
    assert "missing.ndjson" in unreadable(good, str(tmp_path / "missing.ndjson"))
    assert str(tmp_path) in unreadable(str(tmp_path))
    assert "empty.ndjson" in unreadable(written(tmp_path / "empty.ndjson", b""))
    assert "blank.ndjson" in unreadable(written(tmp_path / "blank.ndjson", b"\n \n\r\n"))
    assert "empty.ndjson.gz" in unreadable(written(tmp_path / "empty.ndjson.gz", b""))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "secret.ndjson", lines(traffic()))
    Path(path).chmod(0)
    assert "secret.ndjson" in unreadable(path)


def packed(count: int) -> bytes:
    """Gzip that does not shrink much, so that it has a middle."""
    dice = random.Random(1)
    return gzip.compress(lines(*(traffic(messages=dice.randrange(10**12), service=str(dice.random())) for _ in range(count))))


def test_gzip_that_is_cut_short_or_damaged_is_named(tmp_path: Path) -> None:
    whole = packed(500)
    (tmp_path / "cut.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    assert "cut short" in unreadable(str(tmp_path / "cut.ndjson.gz"))
    (tmp_path / "head.ndjson.gz").write_bytes(whole[:5])
    assert "cut short" in unreadable(str(tmp_path / "head.ndjson.gz"))
    (tmp_path / "bad.ndjson.gz").write_bytes(whole[: len(whole) // 2] + bytes(100) + whole[len(whole) // 2 + 100 :])
    assert "damaged" in unreadable(str(tmp_path / "bad.ndjson.gz"))
    (tmp_path / "sum.ndjson.gz").write_bytes(whole[:-8] + bytes(8))
    assert "damaged" in unreadable(str(tmp_path / "sum.ndjson.gz"))
    (tmp_path / "text.ndjson.gz").write_bytes(lines(traffic()))
    assert "text.ndjson.gz" in unreadable(str(tmp_path / "text.ndjson.gz"))


def test_a_line_without_end_is_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_blocks, "LINE_BYTES_MOST", 100_000)
    monkeypatch.setattr(line_blocks, "READ_BYTES", 1000)
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 1000)
    assert "line 2 of" in unreadable(written(tmp_path / "a.ndjson", lines(traffic()) + b"x" * 200_000))


def test_bytes_that_are_no_events_at_all_are_dead_letters_and_no_crash(tmp_path: Path) -> None:
    rows = read(written(tmp_path / "noise.ndjson", random.Random(3).randbytes(100_000) + b"\n" + lines(traffic(messages=1))))
    assert [messages for *_, messages in rows if messages is not None] == [1]
