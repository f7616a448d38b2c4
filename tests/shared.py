"""What all processes of one test run share: the one that needs it first makes it, and it stays until the last has ended."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest


def folder_of_the_run(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run see, and no other run."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a file's lock, which a process that dies gives back."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def shared_server(folder: Path, name: str, start: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of the one server `name` of this run; the process that started it stops it once nobody uses it any more."""
    address, users, starting = (folder / f"{name}.{part}" for part in ("address", "users", "starting"))
    with starting.open("ab") as gate, users.open("ab") as use, ExitStack() as server:
        fcntl.flock(gate, fcntl.LOCK_EX)
        is_ours = not address.exists()
        if is_ours:
            address.write_text(server.enter_context(start()))
        fcntl.flock(use, fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield address.read_text()
        if is_ours:
            with locked(starting):
                address.unlink()
            fcntl.flock(use, fcntl.LOCK_EX)


def shared_file(folder: Path, name: str, write: Callable[[Path], None]) -> Path:
    """A file that is made once in a run."""
    path = folder / name
    with locked(folder / f"{name}.lock"):
        if not path.exists():
            part = path.with_name(f"{name}.part")
            write(part)
            part.replace(path)
    return path
