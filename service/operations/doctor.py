"""Doctor: checks for everything that could prevent the monitor from working, with advice for each fault."""

import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from detectors.readiness import in_words, readiness
from models.errors import HighwaterError
from models.state_bytes import unpack
from service.engine.checkpoints import Checkpoints
from service.ingest.journal import Journal
from service.operations.backup import DATABASE, stopped
from service.parameters import ServeParameters
from service.store import commits, quarantine
from service.store.migration import steps
from streams.pipeline import STATE_VERSION

_LITTLE_DISK = 1_000_000_000
_FIXED_WAL = (3, 51, 3)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    what: str
    good: bool
    found: str
    advice: str = ""
    """What to do, for a fault."""


def checks(parameters: ServeParameters, wall_s: Callable[[], float] = time.time) -> Iterator[Check]:
    """All checks of the embedded monitor, cheap ones first."""
    yield _python()
    yield _sqlite()
    yield from _folder(parameters.data_dir)
    if (parameters.data_dir / DATABASE).exists():
        yield _database(parameters.data_dir / DATABASE)
        yield from _state(parameters.data_dir)
    yield _port(parameters)
    yield _clock(parameters.data_dir, wall_s())
    yield from _extras(parameters)


def _python() -> Check:
    shown = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), shown, "install Python 3.11 or newer")


def _sqlite() -> Check:
    fixed = sqlite3.sqlite_version_info >= _FIXED_WAL
    note = (
        ""
        if fixed
        else " (has the WAL reset race of 3.7.0 to 3.51.2: one writer avoids it; never write to the data file with other programs)"
    )
    return Check(
        "sqlite", sqlite3.sqlite_version_info >= (3, 37, 0), sqlite3.sqlite_version + note, "install a Python with SQLite 3.37 or newer"
    )


def _folder(folder: Path) -> Iterator[Check]:
    if not folder.exists():
        parent = next(existing for existing in (folder, *folder.absolute().parents) if existing.exists())
        yield Check(
            "data folder",
            os.access(parent, os.W_OK),
            f"{folder} does not exist yet",
            f"make it, or let the service's user write in {parent}",
        )
        return
    yield Check(
        "data folder", os.access(folder, os.W_OK | os.X_OK), str(folder), f"let the service's user write there: chown -R highwater {folder}"
    )
    free = shutil.disk_usage(folder).free
    yield Check(
        "disk space", free > _LITTLE_DISK, f"{free / 1e9:.1f} GB free", "free some space: under 1 GB posts may soon be refused with 503"
    )


def _database(path: Path) -> Check:
    known = steps()[-1][0]
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
            quarantined = quarantine.waiting(connection) if layout >= known else 0
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as fault:
        return Check("data file", False, str(fault), "restore a backup: highwater restore FILE --data NEW_FOLDER")  # noqa: FBT003 - a record's field
    if layout > known:
        return Check("data file", False, f"layout {layout}, this program knows {known}", "run the newer program")  # noqa: FBT003 - a record's field
    if quarantined:
        return Check(
            "data file",
            False,  # noqa: FBT003 - a record's field
            f"{quarantined} journal entries could not be judged",
            "look at GET /v1/quarantine, upgrade, then POST /v1/quarantine/retry",
        )
    return Check("data file", verdict == "ok", f"layout {layout}, {verdict}", "restore a backup: highwater restore FILE --data NEW_FOLDER")


def _state(folder: Path) -> Iterator[Check]:
    newest, faults = Checkpoints(folder / "checkpoints").newest()
    covered = f"covers entry {newest.seq}" if newest else "none yet"
    if newest:
        yield Check("expectations", True, _judged(newest.pipeline))  # noqa: FBT003 - a record's field
    yield Check("checkpoints", not faults, "; ".join(faults) or covered, "delete the damaged file: the older one and the journal are used")
    with stopped(folder) as free:
        if not free:
            yield Check("journal", True, "in use by a running monitor")  # noqa: FBT003 - a record's field
            return
        try:
            journal = Journal(folder / "journal", 1)
            covered_seq = newest.seq if newest else 0
            lack, entries = journal.lack(covered_seq, is_begun=_is_begun(folder / DATABASE)), sum(1 for _ in journal.entries(covered_seq))
            journal.close()
        except HighwaterError as fault:
            yield Check("journal", False, str(fault), "restore a backup, or move the damaged file away")  # noqa: FBT003 - a record's field
            return
        if lack is not None:
            yield Check("journal", False, lack, "restore a backup, or start and go on without what was in them")  # noqa: FBT003 - a record's field
            return
        yield Check("journal", True, f"{entries} entries after the checkpoint")  # noqa: FBT003 - a record's field


def _is_begun(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return commits.is_begun(connection)
    except sqlite3.Error:
        return False  # the check of the data file says what is wrong with it


def _judged(pipeline: bytes) -> str:
    """Which series the monitor can judge already, according to the newest checkpoint."""
    try:
        cohorts = unpack(pipeline, STATE_VERSION)["cohorts"]["detection"]
    except HighwaterError as fault:
        return str(fault)
    return in_words([one for window_s in sorted(cohorts, key=int) for one in readiness(cohorts[window_s])])


def _port(parameters: ServeParameters) -> Check:
    address = f"{parameters.host}:{parameters.port}"
    with stopped(parameters.data_dir) as free:
        if not free:
            return Check("address", True, f"{address}, a monitor runs on this folder")  # noqa: FBT003 - a record's field
    try:
        family = socket.getaddrinfo(parameters.host, parameters.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((parameters.host, parameters.port))
    except OSError as fault:
        return Check("address", False, f"{address}: {fault.strerror or fault}", "stop what listens there, or choose another with --port")  # noqa: FBT003 - a record's field
    return Check("address", True, address)  # noqa: FBT003 - a record's field


def _clock(folder: Path, now_s: float) -> Check:
    newest = max((path.stat().st_mtime for path in folder.glob("*/*") if path.is_file()), default=now_s)
    behind = newest - now_s
    return Check(
        "clock",
        behind < 5,
        "no file is from the future" if behind < 5 else f"{behind:.0f} s behind the newest file",
        "set the clock: use NTP or chrony",
    )


def _extras(parameters: ServeParameters) -> Iterator[Check]:
    if parameters.subscriptions.mail_url is not None:
        yield Check("mail and chat", find_spec("apprise") is not None, "extra `notify`", "install highwater[notify]")
    if parameters.oidc.issuer is not None:
        yield Check("identity provider", find_spec("jwt") is not None, parameters.oidc.issuer, "install highwater[oidc]")
