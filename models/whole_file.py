"""Whole file: a file is written completely or not at all, so that no reader finds half a file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE, SHARED = 0o600, 0o644
"""Permissions: readable by the owner only, or by everyone."""
UNFINISHED = ".unfinished"
"""The ending of the file's name until it is complete. A process that is killed leaves such a file behind."""


@contextmanager
def whole_file(path: Path, *, permissions: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file to write to. It appears under `path`, replacing an existing file, when the block ends without an error.

    The content is on the disk before the name is. `permissions` apply to a new file; a file that is replaced keeps its own.
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


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Removes what processes left that were killed while they wrote the file `name`, by default any file, in this folder."""
    for left in folder.glob(f".{name}*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Writes the new name to the disk too. File systems that can't do this for a folder protect it by other means."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
