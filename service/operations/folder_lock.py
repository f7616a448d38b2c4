"""Folder lock: one monitor works on a data folder at a time."""

import fcntl
from contextlib import ExitStack
from pathlib import Path

from models.errors import UnreadableInput

LOCK_FILE = "serve.lock"


def lock(folder: Path, stack: ExitStack) -> None:
    """Creates the folder if it is missing and locks it until `stack` unwinds. Raises UnreadableInput if that fails."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = stack.enter_context((folder / LOCK_FILE).open("w"))
    except OSError as fault:
        raise UnreadableInput(f"can't write in the data folder {folder}: {fault.strerror}; choose another with --data") from fault
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UnreadableInput(f"another monitor runs on the data folder {folder}: stop it, or choose another with --data") from None
