"""Line blocks: a file's text a few megabytes at a time, whole lines only, decompressed if it is gzip."""

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models.errors import UnreadableInput

READ_BYTES = 1 << 20
BLOCK_BYTES = 4 << 20
LINE_BYTES_MOST = 64 << 20
"""A longer line is not a frame of events, and must not fill the memory."""
GZIP_MAGIC = b"\x1f\x8b"
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of one file."""

    text: bytes
    first_line: int
    """Number of its first line, from 1."""


class LineFile:
    """One input file, or standard input."""

    def __init__(self, path: str) -> None:
        """Opens `path`. Raises UnreadableInput if that fails."""
        self.name = path
        self.read_bytes = 0
        """Bytes of the file (as stored) read so far."""
        try:
            self._file: BinaryIO = sys.stdin.buffer if path == STANDARD_INPUT else Path(path).open("rb")  # noqa: SIM115  (closed by `close`)
            self.total_bytes = 0 if path == STANDARD_INPUT else Path(path).stat().st_size
        except OSError as fault:
            raise UnreadableInput(f"can't read {path}: {fault.strerror}") from None

    def close(self) -> None:
        """Closes the file; standard input stays open."""
        if self.name != STANDARD_INPUT:
            self._file.close()

    def blocks(self) -> Iterator[Block]:
        """The text in blocks of whole lines; the last may lack its end. Raises UnreadableInput if reading or decompression fails."""
        parts: list[bytes] = []
        size, line, has_end = 0, 1, False
        for piece in self._pieces():
            parts.append(piece)
            size += len(piece)
            has_end = has_end or b"\n" in piece
            if size < BLOCK_BYTES or not has_end:
                if size > LINE_BYTES_MOST and not has_end:
                    raise UnreadableInput(f"line {line} of {self.name} is longer than {LINE_BYTES_MOST >> 20} MB: is it a file of events?")
                continue
            text = b"".join(parts)
            whole, rest = text[: text.rindex(b"\n") + 1], text[text.rindex(b"\n") + 1 :]
            yield Block(whole, line)
            line += whole.count(b"\n")
            parts, size, has_end = [rest], len(rest), False
        if size:
            yield Block(b"".join(parts), line)

    def _pieces(self) -> Iterator[bytes]:
        first = self._read()
        if first.startswith(GZIP_MAGIC):
            yield from self._unpacked(first)
        elif self.name.endswith(".gz") and first:
            raise UnreadableInput(f"{self.name} is not a gzip file: unpack it, or correct its name")
        else:
            while first:
                yield first
                first = self._read()

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(wbits=31)
        while True:
            try:
                # In small pieces: gzip can expand a thousandfold.
                text = unpacker.decompress(data, BLOCK_BYTES)
            except zlib.error as fault:
                raise UnreadableInput(f"{self.name} is damaged: {fault}; get it again") from None
            if text:
                yield text
            data = unpacker.unused_data.lstrip(b"\0") if unpacker.eof else unpacker.unconsumed_tail
            if unpacker.eof:
                # A gzip file may hold several members, and zeros after the last.
                while not data and (more := self._read()):
                    data = more.lstrip(b"\0")
                if not data:
                    return
                unpacker = zlib.decompressobj(wbits=31)
            elif not data and len(text) < BLOCK_BYTES:
                data = self._read()
                if not data:
                    raise UnreadableInput(f"{self.name} ends in the middle: it is cut short; get it again")

    def _read(self) -> bytes:
        try:
            data = self._file.read(READ_BYTES)
        except OSError as fault:
            raise UnreadableInput(f"can't read {self.name}: {fault.strerror}") from None
        self.read_bytes += len(data)
        return data
