"""Byte buffer: the input as one array, from which many short pieces are read at once."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.columns import Flags, Floats, Ints
from streams.decode.compiled.library import library

Words = NDArray[np.uint64]
"""Pieces of text, zero-padded to whole words of 8 bytes; shape (pieces, words)."""

PADDING, BACK = 528, 528
"""Zero bytes before and after the text: reading a piece near its ends stays inside the array."""
MAX_SPAN_BYTES = 512
"""The longest piece that is read as words, in bytes."""
MAX_RUN_BYTES = MAX_SPAN_BYTES // 4
"""The same for each of several runs of fields that make a series together."""
QUOTE, BACKSLASH = 34, 92
_NEWLINE, _RETURN, _FIRST_VISIBLE, _FIRST_NON_ASCII = 10, 13, 32, 128

_ZEROS = np.uint64(0x3030303030303030)
_HIGH_BITS = np.uint64(0x8080808080808080)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)
_FIRST_OF_FOUR = np.uint64(0x000000FF000000FF)
_LAST = np.array([0] + [((1 << 8 * count) - 1) << (64 - 8 * count) for count in range(1, 9)], np.uint64)
"""Number of bytes → mask that keeps that many in a little-endian word."""
_FIRST = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
_POWERS = 10.0 ** np.arange(15, -1, -1)


class ByteBuffer:
    """A text between zeros; positions count from the first of the zeros in front."""

    def __init__(self, parts: Sequence[bytes], between: bytes = b"") -> None:
        """`parts` one after another, with `between` between each two of them."""
        self.text = b"".join([bytes(PADDING), between.join(parts), bytes(BACK)])
        self.array = np.frombuffer(self.text, np.uint8)
        self.size = len(self.text) - PADDING - BACK

    def find(self, byte: int) -> Ints:
        """Positions of `byte`, which is not zero, ascending."""
        compiled = library()
        if compiled is None:
            return np.flatnonzero(self.array == byte)
        room = self.size // 16 + 64
        positions = np.empty(room, np.int64)
        count = compiled.find(self.array.ctypes.data, PADDING, PADDING + self.size, byte, positions.ctypes.data, room)
        return positions[:count] if count >= 0 else np.flatnonzero(self.array == byte)

    @cached_property
    def controls(self) -> Ints:
        """Positions of control characters (newlines are included)."""
        return np.flatnonzero(self.array < _FIRST_VISIBLE)[PADDING:-BACK]

    def newlines(self) -> Ints:
        """Positions of line ends."""
        return self.find(_NEWLINE)

    def unsafe_positions(self, *, newlines: bool) -> Ints:
        """Positions of bytes that a piece read in columns must not hold: escapes, control characters, invalid UTF-8.

        Line ends are included only if `newlines`.
        """
        positions = [self.controls if newlines else self.controls[self.array[self.controls] != _NEWLINE]]
        text = memoryview(self.text)[PADDING : PADDING + self.size]
        if BACKSLASH in self.text:
            positions.append(self.find(BACKSLASH))
        if not self.text.isascii():
            try:
                str(text, "utf-8")
            except UnicodeDecodeError:
                positions.append(np.flatnonzero(self.array >= _FIRST_NON_ASCII))
        return np.sort(np.concatenate(positions))

    def trimmed(self, starts: Ints, ends: Ints) -> Ints:
        """`ends` without the carriage return of a line that ends in CRLF."""
        return np.asarray(ends - ((self.array[ends - 1] == _RETURN) & (ends > starts)))

    def gather(self, at: Ints, width: int) -> NDArray[np.uint8]:
        """(n, width) bytes from each position in `at`."""
        view = np.ndarray((len(self.array) - width + 1,), f"V{width}", self.array, strides=(1,))
        return view[at].view(np.uint8).reshape(len(at), width)

    def matches(self, at: Ints, text: bytes) -> Flags:
        """Whether the bytes at each position in `at` equal `text`."""
        equal = self.gather(at, len(text)) == np.frombuffer(text, np.uint8)
        return np.ones(len(at), np.bool_) if equal.all() else equal.all(axis=1)

    def words(self, starts: Ints, ends: Ints, width: int) -> Words:
        """The pieces as words, zero behind their end; none is longer than `width`, a multiple of 8."""
        words = self.gather(starts, width).view("<u8")
        left = ends - starts
        shortest = int(left.min(initial=width))
        for column in range(shortest // 8, width // 8):
            words[:, column] &= _FIRST[np.clip(left - 8 * column, 0, 8)]
        return words

    def digits(self, starts: Ints, ends: Ints) -> tuple[Ints, Flags]:
        """(values, valid): 1 to 16 decimal digits; leading zeros are allowed."""
        length = ends - starts
        words = self.gather(ends - 16, 16).view("<u8")
        values, good = _digits(words[:, 1], np.clip(length, 0, 8))
        good &= (length >= 1) & (length <= 16)
        if length.max(initial=0) > 8:
            front, digits = _digits(words[:, 0], np.clip(length - 8, 0, 8))
            values = values + front * np.uint64(10**8)
            good &= digits
        return values.astype(np.int64), good

    def integers(self, starts: Ints, ends: Ints) -> tuple[Ints, Flags]:
        """(values, valid): JSON integers of 1 to 16 digits without a sign."""
        values, good = self.digits(starts, ends)
        return values, good & ((ends - starts == 1) | (self.array[starts] != ord("0")))

    def decimals(self, starts: Ints, ends: Ints) -> tuple[Floats, Flags]:
        """(values, valid): JSON numbers of at most 15 digits without sign and exponent, correctly rounded."""
        length = ends - starts
        buffer = self.gather(ends - 16, 16)
        column = np.arange(16)
        inside = column >= 16 - length[:, None]
        point = inside & (buffer == ord("."))
        points = point.sum(axis=1)
        behind = np.where(points == 1, 15 - point.argmax(axis=1), 0)
        digits = np.where(inside & ~point, buffer - ord("0"), 0)
        good = (length >= 1) & (length <= 16) & (points <= 1) & (length - points <= 15) & (digits <= 9).all(axis=1)
        before = np.where(points == 1, length - behind - 1, length)
        good &= (before >= 1) & ((points == 0) | (behind >= 1)) & ((before == 1) | (self.array[starts] != ord("0")))
        left_of_point = (points[:, None] == 1) & (column < 15 - behind[:, None])
        mantissa = (digits * np.where(left_of_point, _POWERS / 10, _POWERS)).sum(axis=1)
        # Both are whole and below 2**53, so that the one division rounds correctly.
        return mantissa / 10.0**behind, good


def _digits(word: Words, count: Ints) -> tuple[Words, Flags]:
    """The number that the last `count` of 8 characters write, and whether they are all digits."""
    keep = _LAST[count]
    digits = (word & keep | _ZEROS & ~keep) ^ _ZEROS
    good = ((digits + _TO_HIGH_BIT | digits) & _HIGH_BITS) == 0
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    low = (pairs & _FIRST_OF_FOUR) * np.uint64(0x000F424000000064)
    high = (pairs >> np.uint64(16) & _FIRST_OF_FOUR) * np.uint64(0x0000271000000001)
    return (low + high) >> np.uint64(32), good
