"""Columns of samples as bytes: a version, a fixed little-endian layout, compressed; never pickle."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from models.columns import Floats, Ints
from models.errors import StateError

_VERSION = 1
_HEAD = struct.Struct("<BBI")
_COLUMN = struct.Struct("<BB")
_TYPES = ("<u1", "<u2", "<u4", "<i8", "<f4", "<f8")
_FLOAT, _DOUBLE = 4, 5


def encode(columns: Sequence[Floats], effort: int = 1) -> bytes:
    """Columns of one length (n,), NaN where there is no sample. Whole numbers are restored exactly, others to 7 digits.

    `effort` is zlib's: 1 for data that is read and dropped within hours, more for data that is kept.
    """
    size = len(columns[0]) if columns else 0
    parts = [_HEAD.pack(_VERSION, len(columns), size)]
    for column in columns:
        missing = np.isnan(column)
        any_missing = bool(missing.any())
        values = np.where(missing, 0.0, column) if any_missing else column
        kind = _kind(values)
        parts += [_COLUMN.pack(kind, any_missing), values.astype(_TYPES[kind]).tobytes()]
        if any_missing:
            parts.append(np.packbits(missing).tobytes())
    return zlib.compress(b"".join(parts), effort)


def decode(blob: bytes, series: Ints | None = None) -> list[Floats]:
    """Inverse of `encode`, optionally only these indexes of each column. Raises StateError for bytes of another version."""
    data = zlib.decompress(blob)
    version, count, size = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise StateError(f"chart samples of version {version}: this program reads {_VERSION}; run the newer program")
    at, columns = _HEAD.size, []
    for _ in range(count):
        kind, any_missing = _COLUMN.unpack_from(data, at)
        at += _COLUMN.size
        dtype = np.dtype(_TYPES[kind])
        stored = np.frombuffer(data, dtype, size, at)
        values = (stored if series is None else stored[series]).astype(np.float64)
        at += size * dtype.itemsize
        if any_missing:
            bits = -(-size // 8)
            missing = np.unpackbits(np.frombuffer(data, np.uint8, bits, at), count=size).astype(bool)
            values[missing if series is None else missing[series]] = np.nan
            at += bits
        columns.append(values)
    return columns


def _kind(values: Floats) -> int:
    if not len(values):
        return 0
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high < 2**53 and bool((values == np.floor(values)).all()):
        return 0 if high < 2**8 else 1 if high < 2**16 else 2 if high < 2**32 else 3
    return _FLOAT if high < 1e30 and low > -1e30 else _DOUBLE
