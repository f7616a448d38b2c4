"""Series files: what counts as a row, and how a row that is none is refused."""

import gzip
import math
from pathlib import Path

import pytest

from models.errors import UnreadableInput
from streams.sources.numeric_csv import seconds
from streams.sources.series_csv import Row, SeriesFile


def rows(path: Path, text: bytes) -> list[Row]:
    path.write_bytes(text)
    with SeriesFile(str(path)) as file:
        return list(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1767571810", 1_767_571_810.0),
        ("1767571810.5", 1_767_571_810.5),
        ("-3600", -3600.0),
        ("2026-01-05T00:10:10Z", 1_767_571_810.0),
        ("2026-01-05t00:10:10z", 1_767_571_810.0),
        ("2026-01-05 01:10:10+01:00", 1_767_571_810.0),
        ("2026-01-05 00:10:10.000000", 1_767_571_810.0),
        ("2026-01-05T00:10", 1_767_571_800.0),
        ("2026-01-05", 1_767_571_200.0),
    ],
)
def test_a_time_is_rfc_3339_or_utc_without_offset_or_unix_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "nan", "inf", "2026-13-01", "10:00", "2026-01-05T00:10:10 London"])
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        seconds(text)


def test_columns_are_found_by_name_and_the_timestamp_stays_as_it_stood(tmp_path: Path) -> None:
    batches = rows(tmp_path / "a.csv", b'\xef\xbb\xbfVALUE,note,Timestamp\r\n-2.5e3,"a, b", 1970-01-01 00:00:10\r\n')
    assert batches == [Row(" 1970-01-01 00:00:10", 10.0, -2500.0)]


@pytest.mark.parametrize("cell", [b"", b"NaN", b"null", b"n/a", b"  "])
def test_a_cell_that_says_there_is_none_is_none(tmp_path: Path, cell: bytes) -> None:
    batches = rows(tmp_path / "a.csv", b"timestamp,value\n10," + cell + b"\n20,1\n")
    assert (math.isnan(batches[0].value), batches[1].value) == (True, 1.0)


def test_a_packed_file_reads_like_the_plain_one_whatever_its_name(tmp_path: Path) -> None:
    text = b"timestamp,value\n" + b"".join(b"%d,%d\n" % (10 * index, index) for index in range(1000))
    assert rows(tmp_path / "a.csv", text) == rows(tmp_path / "b.csv", gzip.compress(text))


def test_rows_before_one_that_is_none_are_there_first(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"timestamp,value\n10,1\n20,many\n")
    with SeriesFile(str(tmp_path / "a.csv")) as file:
        batches = iter(file)
        assert next(batches).value == 1.0
        with pytest.raises(UnreadableInput, match="line 3: 'many' is not a number"):
            next(batches)


@pytest.mark.parametrize(
    "text",
    [b"", b"timestamp,value\n", b"a,b\n1,2\n", b"timestamp,value\nyesterday,1\n", b"timestamp,value\n\xff,1\n", b"\x1f\x8bno gzip"],
)
def test_what_is_no_series_is_refused_with_its_name(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(UnreadableInput, match=r"a\.csv"):
        rows(tmp_path / "a.csv", text)


def test_a_packed_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"timestamp,value\n" + b"".join(b"%d,%d\n" % (7 * index, index * index % 97) for index in range(5000)))
    with pytest.raises(UnreadableInput, match=r"a\.csv"):
        rows(tmp_path / "a.csv", whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "text",
    [
        b"timestamp;value\n10;0,5\n20;1,5\n",
        b"timestamp\tvalue\n10\t0.5\n20\t1.5\n",
        b"# exported today\n\ntimestamp,value\n10,0.5,\n20,1.5,\n",
        b'\xef\xbb\xbf"Timestamp","Value"\r\n"10","0.5"\r\n"20","1.5"\r\n',
        "timestamp,value\n10,0.5\n20,1.5\n".encode("utf-16"),
        b"value,note,timestamp\n0.5,x,10\n1.5,x,20\n",
    ],
)
def test_the_shapes_in_which_people_have_csv_read_alike(tmp_path: Path, text: bytes) -> None:
    for content in (text, gzip.compress(text)):
        assert [(row.at_s, row.value) for row in rows(tmp_path / "a.csv", content)] == [(10.0, 0.5), (20.0, 1.5)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"timestamp,value\n10,0,5\n", "line 2 has 3 cells and the header 2"),
        (b'timestamp,value\n10,"1,042.5"\n', "is not a number"),
        (b"timestamp;value\n10;1.042,5\n", "is not a number"),
        (b"timestamp\tvalue\n10\t1,5\n", "is not a number"),
        (b"timestamp,value\n05/01/2026 00:00,1\n", "is not a time"),
        (b"Date,Requests\n10,1\n", "has no column timestamp or value"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(tmp_path: Path, text: bytes, why: str) -> None:
    with pytest.raises(UnreadableInput, match=why):
        rows(tmp_path / "a.csv", text)


@pytest.mark.parametrize("text", ["1767571810", "1767571810000", "1767571810000000", "1767571810000000000", "1.76757181e9"])
def test_unix_times_too_large_for_seconds_are_milliseconds_and_finer(text: str) -> None:
    assert seconds(text) == 1_767_571_810.0
