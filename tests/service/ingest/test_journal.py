"""The journal keeps what was answered, and nothing that was not."""

import os
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import StateError
from service.ingest.journal import CHANGES, EVENTS, Journal, NewEntry

ROOMY = 1_000_000


def draft(body: bytes, stream: str = "token") -> NewEntry:
    return NewEntry(EVENTS, 1_767_571_200_000_000, stream, "", body)


def bodies(journal: Journal, after: int = 0) -> list[bytes]:
    return [entry.body for entry in journal.entries(after)]


def test_entries_come_back_in_order_with_everything_they_had(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.append([NewEntry(EVENTS, 5, "tok", "key-1", b"one"), NewEntry(CHANGES, 6, "", "", b"two")])
    journal.close()
    with closing(Journal(tmp_path, ROOMY)) as again:
        first, second = again.entries(0)
    assert (first.seq, first.kind, first.arrived_us, first.stream, first.key, first.body) == (1, EVENTS, 5, "tok", "key-1", b"one")
    assert (second.seq, second.kind, second.stream, second.body) == (2, CHANGES, "", b"two")


@given(cut=st.integers(0, 400), count=st.integers(1, 6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_anywhere_keeps_the_entries_that_were_whole(tmp_path_factory: pytest.TempPathFactory, cut: int, count: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, ROOMY)
    ends = []
    for number in range(count):
        journal.append([draft(bytes([65 + number]) * (number + 1) * 7)])
        ends.append((folder / f"{1:020d}.journal").stat().st_size)
    journal.close()
    path = folder / f"{1:020d}.journal"
    os.truncate(path, min(cut, path.stat().st_size))
    whole = sum(end <= cut for end in ends)
    again = Journal(folder, ROOMY)
    assert len(bodies(again)) == whole
    assert again.next_seq == whole + 1
    again.append([draft(b"after")])
    assert bodies(again)[-1] == b"after"
    again.close()


def test_damage_before_whole_entries_is_not_taken_for_a_torn_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.append([draft(b"first"), draft(b"second"), draft(b"third")])
    journal.close()
    path = next(tmp_path.iterdir())
    data = bytearray(path.read_bytes())
    data[data.index(b"second")] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StateError, match="damaged: restore a backup"):
        Journal(tmp_path, ROOMY)


def test_a_file_that_somebody_else_put_there_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.append([draft(b"first")])
    journal.close()
    for name in ("copy.journal", "00000000000000000001 (1).journal", "1.journal", "notes.txt"):
        (tmp_path / name).write_bytes(b"x" * 100)
    again = Journal(tmp_path, ROOMY)
    assert bodies(again) == [b"first"]
    again.close()


def test_damage_in_an_older_file_is_said_when_it_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1)
    journal.append([draft(b"first")])
    journal.append([draft(b"second")])
    journal.close()
    oldest = min(tmp_path.iterdir())
    oldest.write_bytes(oldest.read_bytes()[:-1])
    again = Journal(tmp_path, 1)
    with pytest.raises(StateError, match="damaged"):
        bodies(again)
    assert bodies(again, after=1) == [b"second"]
    again.close()


def test_files_that_a_checkpoint_covers_are_deleted_and_no_others(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1)
    for body in (b"1", b"2", b"3", b"4"):
        journal.append([draft(body)])
    journal.forget(2)
    assert bodies(journal, after=2) == [b"3", b"4"]
    assert len(list(tmp_path.iterdir())) == 2
    journal.close()


@pytest.mark.parametrize("fails", ["write", "flush"])
def test_a_disk_that_refuses_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.append([draft(b"kept")])

    def refuse(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    class Full(FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:10])
            return refuse()

    with monkeypatch.context() as patch:
        if fails == "write":
            journal.close()
            patch.setattr("service.ingest.journal.FileIO", Full)
            journal = Journal(tmp_path, ROOMY)
        else:
            patch.setattr("service.ingest.journal.os.fdatasync", refuse)
        with pytest.raises(OSError, match="No space left"):
            journal.append([draft(b"lost"), draft(b"lost too")])
    journal.close()
    again = Journal(tmp_path, ROOMY)
    assert again.truncated_bytes == 0
    again.append([draft(b"next")])
    assert bodies(again) == [b"kept", b"next"]
    assert again.next_seq == 3
    again.close()


def test_numbers_go_on_after_a_checkpoint_that_outlived_its_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.skip_to(41)
    (entry,) = journal.append([draft(b"x")])
    assert entry.seq == 41
    journal.close()
    again = Journal(tmp_path, ROOMY)
    assert [one.seq for one in again.entries(40)] == [41]
    again.close()


@pytest.mark.parametrize("gone", [0, 2])
def test_a_file_that_is_gone_before_others_is_said(tmp_path: Path, gone: int) -> None:
    with closing(Journal(tmp_path, 1)) as journal:
        for number in range(5):
            journal.append([draft(b"%d" % number)])
        assert journal.lack(0, is_begun=True) is None
    sorted(tmp_path.iterdir())[gone].unlink()
    with closing(Journal(tmp_path, 1)) as again:
        assert f"entries {gone + 1} to {gone + 1}:" in str(again.lack(0, is_begun=True))
