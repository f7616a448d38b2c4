"""Whole file: a file is written whole or not at all, so that no reader ever finds half of it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE, SHARED = 0o600, 0o644
"""Permissions: for the owner alone, and for everyone to read."""
UNFINISHED = ".unfinished"
"""How the name of a file ends until it is whole; a process that is killed leaves it behind."""


@contextmanager
def whole_file(path: Path, *, permissions: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file to write to; it appears under `path`, replacing what stands there, once the block ends without an error.

    The content is on the disk before the name is. `permissions` are those of a new file; a file that is replaced keeps its own.
    After an error nothing is left behind. Raises OSError if the file can't be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, path.stat().st_mode & 0o777 if path.exists() else permissions)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk too; file systems that can't do this for a folder keep it by other means."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
