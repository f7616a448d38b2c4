"""Record splitter: finds the presumed single events in many units of text."""

from typing import NamedTuple

import numpy as np

from models.columns import Flags, Ints
from streams.decode.byte_buffer import ByteBuffer

_COMMA, _OPEN, _CLOSE, _FRAME, _FRAME_END, _SPACE = b",{}[] "
_SPACES_MOST = 3
"""Characters of white space between two elements of a frame; a frame with more is read element by element."""


class RecordSpans(NamedTuple):
    """Where each piece starts and ends, in the order of the text."""

    starts: Ints
    ends: Ints
    within_lines: bool
    """Whether it is certain that no piece contains a line end."""


def pieces_of(buffer: ByteBuffer, starts: Ints, ends: Ints, *, records: bool) -> RecordSpans:
    """The pieces of units of text: lines, or records, which may hold many lines. Empty units have no pieces.

    If a frame is cut at a wrong position, at least one of its pieces is not JSON, and the reader of the pieces notices it.
    """
    within_lines = True
    if records and len(buffer.newlines()) >= len(starts):
        inner, within_lines = _line_ends(buffer, starts, ends)
        starts, ends = np.sort(np.concatenate([starts, inner + 1])), np.sort(np.concatenate([ends, inner]))
    ends = buffer.trimmed(starts, ends)
    starts, ends = starts[starts < ends], ends[starts < ends]
    frames = (buffer.array[starts] == _FRAME) & (buffer.array[ends - 1] == _FRAME_END)
    if frames.any():
        starts, ends = _elements(buffer, starts, ends, frames)
    return RecordSpans(starts, ends, within_lines)


def _line_ends(buffer: ByteBuffer, starts: Ints, ends: Ints) -> tuple[Ints, bool]:
    """(line ends between two events of one record, whether records contain no other line ends)."""
    newlines = buffer.newlines()
    unit = np.maximum(np.searchsorted(starts, newlines, side="right") - 1, 0)
    within = newlines < ends[unit]
    in_array = buffer.array[starts[unit]] == _FRAME
    between_frames = (buffer.array[newlines - 1] == _FRAME_END) & (buffer.array[newlines + 1] == _FRAME)
    cut = within & (~in_array | between_frames)
    return newlines[cut], bool(cut[within].all())


def _elements(buffer: ByteBuffer, starts: Ints, ends: Ints, frames: Flags) -> tuple[Ints, Ints]:
    """Pieces, with frames cut where an object ends and the next one starts after a comma."""
    before = buffer.find(_CLOSE) + 1
    before = before[buffer.array[before] == _COMMA]
    behind = before + 1
    first, last = starts + frames, ends - frames
    for _ in range(_SPACES_MOST):
        behind += _is_space(buffer, behind)
        first += frames & _is_space(buffer, first)
        last -= frames & _is_space(buffer, last - 1)
    unit = np.searchsorted(starts, behind, side="right") - 1
    inside = (buffer.array[behind] == _OPEN) & (unit >= 0) & frames[unit] & (behind < ends[unit])
    full = first < last
    return np.sort(np.concatenate([first[full], behind[inside]])), np.sort(np.concatenate([last[full], before[inside]]))


def _is_space(buffer: ByteBuffer, at: Ints) -> Flags:
    characters = buffer.array[at]
    return (characters <= _SPACE) & (characters > 0)
