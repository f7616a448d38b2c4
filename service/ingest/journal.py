"""The journal: all input in the order in which it counts, on disk before it is acknowledged."""

import itertools
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from models.errors import StateError, UnreadableInput

EVENTS, CHANGES, IDLE, FINISH, REWIND, HABIT = 1, 2, 3, 4, 5, 6
"""Kinds of entries: an events body, changes as JSON, a stream that became idle, the end of all input, a watermark that was set back, what
people decided on a habit."""

_HEAD = struct.Struct("<4sIIQBqHH")
_MAGIC = b"HWJ1"
_SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """One input."""

    seq: int
    kind: int
    arrived_us: int
    stream: str
    """The token that sent it: it has its own watermark."""
    key: str
    """The post's Idempotency-Key, or empty."""
    body: bytes


class NewEntry(NamedTuple):
    """An entry before it has its number; fields as in `Entry`."""

    kind: int
    arrived_us: int
    stream: str
    key: str
    body: bytes


class Journal:
    """Append-only files of framed entries with checksums, named by the number of their first entry.

    An incomplete entry at the very end was never acknowledged: it is removed on opening. Damage anywhere else raises
    StateError, because later entries could not be judged correctly. For one thread at a time.
    """

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise UnreadableInput(f"can't make the journal folder {folder}: {fault.strerror}") from fault
        self.truncated_bytes = 0
        """Bytes removed at the end on opening."""
        self.removals = 0
        """How often the current file was found removed."""
        self._file: FileIO | None = None
        self._good = 0
        self.next_seq = self._recover()

    def append(self, drafts: Sequence[NewEntry]) -> list[Entry]:
        """Writes these to the disk, with one flush for all. After OSError none of them is stored."""
        file = self._current()
        entries = [Entry(self.next_seq + offset, *draft) for offset, draft in enumerate(drafts)]
        try:
            data = memoryview(b"".join(map(_frame, entries)))
            while data:
                data = data[file.write(data) :]
            os.fdatasync(file.fileno())
        except OSError:
            file.truncate(self._good)
            file.seek(self._good)
            raise
        self._good = file.tell()
        self.next_seq += len(entries)
        return entries

    def entries(self, after_seq: int) -> Iterator[Entry]:
        """Every entry with a number above `after_seq`, in order."""
        segments = self._segments()
        for index, (first, path) in enumerate(segments):
            if index + 1 < len(segments) and segments[index + 1][0] <= after_seq + 1:
                continue
            for entry, _ in _scan(path, first):
                if entry is None:
                    raise StateError(_damaged(path))
                if entry.seq > after_seq:
                    yield entry

    def lack(self, after_seq: int, *, is_begun: bool) -> str | None:
        """Which entries above `after_seq`, up to which the state is kept, are gone with their files; None if there are none.

        `is_begun`: whether there were entries before, as far as the data file shows. An entry is in the journal before it is part of
        any state, so a journal that ends before the state has lost files too.
        """
        if is_begun and after_seq == 0 and self.next_seq == 1:
            return "the journal and the checkpoints are missing: what was learned is lost"
        if self.next_seq <= after_seq:
            return f"the journal ends at entry {self.next_seq - 1}, before entry {after_seq}: files of it are missing"
        for expected, entry in enumerate(self.entries(after_seq), after_seq + 1):
            if entry.seq != expected:
                return f"the journal lacks entries {expected} to {entry.seq - 1}: files of it are missing"
        return None

    def forget(self, up_to_seq: int) -> None:
        """Deletes the files of which a checkpoint covers every entry."""
        segments = self._segments()
        for (_, path), (following, _) in itertools.pairwise(segments):
            if following <= up_to_seq + 1:
                path.unlink()

    def skip_to(self, seq: int) -> None:
        """Makes the next number at least `seq`: a checkpoint may be newer than the journal."""
        if seq > self.next_seq:
            self.close()
            self.next_seq = seq

    def close(self) -> None:
        """Closes the current file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _segments(self) -> list[tuple[int, Path]]:
        """The journal's own files; others (a copy that somebody made) are left alone."""
        return sorted((int(path.stem), path) for path in self.folder.glob(f"*{_SUFFIX}") if re.fullmatch("[0-9]{20}", path.stem))

    def _current(self) -> FileIO:
        if self._file is not None and not os.fstat(self._file.fileno()).st_nlink:
            # What is written to a removed file would not survive a crash.
            self.removals += 1
            self.close()
            self.folder.mkdir(parents=True, exist_ok=True)
        if self._file is not None and self._good >= self._segment_bytes:
            self.close()
        if self._file is None:
            self._file = FileIO(self.folder / f"{self.next_seq:020d}{_SUFFIX}", "ab")
            self._good = self._file.tell()
            _sync_folder(self.folder)
        return self._file

    def _recover(self) -> int:
        """Number of the next entry; an incomplete end is cut off, and the last file is opened for appending."""
        segments = self._segments()
        if not segments:
            return 1
        first, path = segments[-1]
        seq, good = first, 0
        for entry, end in _scan(path, first):
            if entry is None:
                break
            seq, good = entry.seq + 1, end
        self.truncated_bytes = path.stat().st_size - good
        if self.truncated_bytes and _has_valid_entries_after(path, good, seq):
            raise StateError(_damaged(path))
        self._file = FileIO(path, "r+b")
        self._file.truncate(good)
        self._file.seek(good)
        self._good = good
        return seq


def _frame(entry: Entry) -> bytes:
    stream, key = entry.stream.encode(), entry.key.encode()
    rest = b"".join([stream, key, entry.body])
    fields = (entry.seq, entry.kind, entry.arrived_us, len(stream), len(key))
    checksum = zlib.crc32(rest, zlib.crc32(_HEAD.pack(_MAGIC, len(rest), 0, *fields)))
    return _HEAD.pack(_MAGIC, len(rest), checksum, *fields) + rest


def _scan(path: Path, first_seq: int) -> Iterator[tuple[Entry | None, int]]:
    """Entries with the end of each; (None, position) where the file becomes invalid."""
    expected, at = first_seq, 0
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            entry, size = _entry(head, file, expected)
            if entry is None:
                yield None, at
                return
            at, expected = at + size, expected + 1
            yield entry, at


def _entry(head: bytes, file: BinaryIO, expected_seq: int) -> tuple[Entry | None, int]:
    if len(head) < _HEAD.size:
        return None, 0
    magic, size, checksum, seq, kind, arrived_us, stream_size, key_size = _HEAD.unpack(head)
    if magic != _MAGIC or seq != expected_seq:
        return None, 0
    rest = file.read(size)
    if (
        len(rest) < size
        or zlib.crc32(rest, zlib.crc32(_HEAD.pack(magic, size, 0, seq, kind, arrived_us, stream_size, key_size))) != checksum
    ):
        return None, 0
    stream, key = rest[:stream_size].decode(), rest[stream_size : stream_size + key_size].decode()
    return Entry(seq, kind, arrived_us, stream, key, rest[stream_size + key_size :]), _HEAD.size + size


def _has_valid_entries_after(path: Path, torn_at: int, expected_seq: int) -> bool:
    """Whether complete entries follow the invalid position: then it is damage, not an incomplete end."""
    data = path.read_bytes()
    at = data.find(_MAGIC, torn_at + 1)
    while at >= 0:
        seq = _HEAD.unpack_from(data, at)[3] if at + _HEAD.size <= len(data) else 0
        if seq > expected_seq and _entry(data[at : at + _HEAD.size], BytesIO(data[at + _HEAD.size :]), seq)[0] is not None:
            return True
        at = data.find(_MAGIC, at + 1)
    return False


def _damaged(path: Path) -> str:
    return f"the journal {path} is damaged: restore a backup, or move the file away and accept that its events are lost"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
