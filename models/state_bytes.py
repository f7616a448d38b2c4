"""State as bytes: a tree of plain values and numpy arrays, with a version and a checksum. It contains no code."""

import json
import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np

from models.errors import StateError

_MAGIC = b"HWS1"
_HEAD = struct.Struct("<4sHQI")
_KINDS = frozenset("biuf")
_SMALL_BYTES = 4096
"""An array up to this size is copied, which costs less than a view of its bytes."""
_PLAIN = frozenset({str, int, float, bool, type(None)})

Piece = bytes | memoryview


def pack(tree: Any, version: int) -> bytes:
    """`tree` of dict (str keys), list, tuple, str, int, float, bool, None, bytes and numeric arrays → bytes.

    Tuples come back as lists; arrays keep dtype and shape. The same tree gives the same bytes.
    """
    return b"".join(pieces(tree, version))


def pieces(tree: Any, version: int) -> "list[Piece]":
    """The parts that `pack` joins, for callers that write to a file. Large arrays and bytes are not copied.

    Write the parts before any array of the tree changes.
    """
    buffers = _Buffers()
    head = json.dumps(_encode(tree, buffers), separators=(",", ":"), allow_nan=True).encode()
    parts: list[Piece] = [struct.pack("<Q", len(head)), head, *buffers]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return [_HEAD.pack(_MAGIC, version, 8 + len(head) + buffers.size, checksum), *parts]


def unpack(blob: bytes, version: int, oldest: int | None = None) -> Any:
    """Inverse of `pack`. Raises StateError if the bytes are damaged or of another version.

    `oldest`: the earliest version whose trees the caller still understands; None: this one only.
    """
    if len(blob) < _HEAD.size:
        raise StateError("the packed state is truncated: start from an older checkpoint")
    magic, written, size, checksum = _HEAD.unpack_from(blob)
    body = memoryview(blob)[_HEAD.size :]
    if magic != _MAGIC or len(body) != size or zlib.crc32(body) != checksum:
        raise StateError("the packed state is damaged: start from an older checkpoint")
    if not (version if oldest is None else oldest) <= written <= version:
        raise StateError(
            f"the packed state has version {written}, this program reads {version}: start without it, or with the program that wrote it"
        )
    head_size = struct.unpack_from("<Q", body)[0]
    return _decode(json.loads(bytes(body[8 : 8 + head_size])), body[8 + head_size :])


def _encode(value: Any, buffers: "_Buffers") -> Any:
    # A state is a thousand small arrays and their names: the exact types are asked for first.
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is np.ndarray and value.dtype.kind in _KINDS:
        return _array(value, buffers)
    if isinstance(value, np.generic):
        return _encode(value.item(), buffers)
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {"d": [[str(key), _encode(item, buffers)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        # Keys of series are long lists of short lists of text.
        if _PLAIN.issuperset(map(type, value)):
            return list(value)
        return [_encode(item, buffers) for item in value]
    if isinstance(value, bytes):
        return {"b": _reserve(value, buffers)}
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return _array(value, buffers)
    raise TypeError(f"{type(value).__name__} can't be packed")


def _array(value: np.ndarray[Any, Any], buffers: "_Buffers") -> Any:
    dtype, name = _little(value.dtype)
    little = np.ascontiguousarray(value, dtype)
    data: Piece = little.tobytes() if little.nbytes <= _SMALL_BYTES else little.reshape(-1).view(np.uint8).data
    return {"a": [name, list(value.shape), _reserve(data, buffers)]}


@lru_cache(maxsize=64)
def _little(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], str]:
    """The type as it is written, and its name."""
    little = dtype.newbyteorder("<")
    return little, little.str


class _Buffers(list[Piece]):
    """The bytes of the arrays, with their running size, so that a tree of many small arrays is not summed again for each array."""

    size = 0


def _reserve(data: Piece, buffers: _Buffers) -> list[int]:
    at = buffers.size
    buffers.append(data)
    buffers.size += len(data)
    return [at, len(data)]


def _decode(value: Any, data: memoryview) -> Any:
    if isinstance(value, list):
        return [_decode(item, data) for item in value]
    if not isinstance(value, dict):
        return value
    if "d" in value:
        return {key: _decode(item, data) for key, item in value["d"]}
    if "b" in value:
        at, size = value["b"]
        return bytes(data[at : at + size])
    dtype, shape, (at, size) = value["a"]
    return np.frombuffer(data[at : at + size], dtype=np.dtype(dtype)).reshape(shape).astype(np.dtype(dtype).newbyteorder("="), copy=True)
