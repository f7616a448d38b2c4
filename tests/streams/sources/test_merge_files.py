"""Event files: several as one stream, whatever their form; what can't be read is said in one line."""

import gzip
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UnreadableInput
from models.times import format_time, parse_time
from streams.decode import decode_ndjson
from streams.sources.event_files import EventFiles
from streams.sources.line_blocks import BLOCK_BYTES
from streams.sources.merge_files import merged

START_US = parse_time("2026-01-05T00:00:00Z")


def line(second: int, messages: int = 1) -> bytes:
    event = {
        "kind": "traffic",
        "observed_at": format_time(START_US + second * 1_000_000),
        "user": "A",
        "direction": "to_dsp",
        "message_class": "service_request",
        "messages": messages,
    }
    return json.dumps(event).encode()


def text(seconds: list[int]) -> bytes:
    return b"".join(line(second) + b"\n" for second in seconds)


def read(*paths: Path) -> list[tuple[str, int, int]]:
    """(file, line, second) of every good event in order."""
    listed = []
    with EventFiles([str(path) for path in paths]) as files:
        for batch in files:
            for index in range(len(batch)):
                position = int(batch.position(index)["line"])
                listed.append((Path(batch.source(index)).name, position, (int(batch.observed_us[index]) - START_US) // 1_000_000))
    return listed


def by_heads(files: list[list[int]]) -> list[tuple[int, int]]:
    """The merge as one would do it by hand: always the file whose next event is the earliest, ties in argument order."""
    at, order = [0] * len(files), []
    while any(at[number] < len(file) for number, file in enumerate(files)):
        number = min((n for n in range(len(files)) if at[n] < len(files[n])), key=lambda n: (files[n][at[n]], n))
        order.append((number, at[number]))
        at[number] += 1
    return order


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), max_size=12), min_size=1, max_size=4), st.integers(1, 5))
def test_files_merge_by_time_and_keep_their_own_order(files: list[list[int]], width: int) -> None:
    streams = [
        iter([decode_ndjson(text(seconds[start : start + width]), str(number), start + 1) for start in range(0, len(seconds), width)])
        for number, seconds in enumerate(files)
    ]
    listed = [
        (int(batch.source(index)), int(batch.position(index)["line"]) - 1) for batch in merged(streams) for index in range(len(batch))
    ]
    assert listed == by_heads(files)


def test_a_malformed_line_keeps_its_place_among_its_files_events(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(line(1) + b"\nbroken\n" + line(5) + b"\n")
    (tmp_path / "b.ndjson").write_bytes(line(2) + b"\n" + line(3) + b"\nbroken too")
    with EventFiles([str(tmp_path / "a.ndjson"), str(tmp_path / "b.ndjson")]) as files:
        batches = list(files)
    before = itertools.accumulate((len(batch) for batch in batches), initial=0)
    result = [
        (good + rejection.order, Path(rejection.source).name, rejection.position["line"])
        for batch, good in zip(batches, before, strict=False)
        for rejection in batch.rejections
    ]
    assert result == [(1, "a.ndjson", 2), (3, "b.ndjson", 3)]


def test_packed_files_and_files_of_several_members_read_the_same(tmp_path: Path) -> None:
    lines = [line(second) + b"\n" for second in range(30)]
    (tmp_path / "plain.ndjson").write_bytes(b"".join(lines))
    (tmp_path / "one.ndjson.gz").write_bytes(gzip.compress(b"".join(lines)))
    (tmp_path / "two.ndjson.gz").write_bytes(gzip.compress(b"".join(lines[:11])) + gzip.compress(b"".join(lines[11:])) + b"\0" * 8)
    plain, one, two = (
        [(index, second) for _, index, second in read(tmp_path / name)] for name in ("plain.ndjson", "one.ndjson.gz", "two.ndjson.gz")
    )
    assert plain == one == two == [(second + 1, second) for second in range(30)]


def test_lines_keep_their_numbers_over_many_blocks(tmp_path: Path) -> None:
    count = 3 * BLOCK_BYTES // len(line(0))
    (tmp_path / "long.ndjson").write_bytes(text([number // 100 for number in range(count)]))
    assert [index for _, index, _ in read(tmp_path / "long.ndjson")] == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("events.ndjson.gz", b"not gzip at all", "is not a gzip file"),
        ("events.ndjson.gz", gzip.compress(text(list(range(400))), mtime=0)[:-40], "cut short|damaged"),
        ("events.ndjson.gz", b"\x1f\x8b" + b"\xff" * 30, "damaged"),
        ("events.ndjson", b"", "there is no event"),
        ("events.ndjson", b"\n \n", "there is no event"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput, match=complaint):
        read(tmp_path / name)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UnreadableInput, match=r"can't read nowhere\.ndjson"):
        EventFiles(["nowhere.ndjson"])
