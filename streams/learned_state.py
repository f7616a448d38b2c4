"""Learned expectations as a file: the start of a new installation."""

from pathlib import Path
from typing import Any

from models.errors import UnreadableInput
from models.state_bytes import pieces, unpack
from models.whole_file import SHARED, whole_file

LEARNED_VERSION = 1


def write_state(path: Path, learned: dict[str, Any]) -> None:
    """Writes expectations to `path`, completely or not at all. Raises UnreadableInput if it can't be written."""
    try:
        with whole_file(path, permissions=SHARED) as file:
            file.writelines(pieces(learned, LEARNED_VERSION))
    except OSError as fault:
        raise UnreadableInput(f"can't write {path}: {fault.strerror}") from None


def read_state(path: Path) -> dict[str, Any]:
    """Inverse of `write_state`. Raises UnreadableInput or StateError."""
    try:
        blob = path.read_bytes()
    except OSError as fault:
        raise UnreadableInput(f"can't read {path}: {fault.strerror}") from None
    learned: dict[str, Any] = unpack(blob, LEARNED_VERSION)
    return learned
