"""Backup and restore: one archive of the data file and the newest checkpoint, made while the monitor runs."""

import fcntl
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.distribution import installed_version
from models.errors import UnreadableInput
from models.whole_file import whole_file
from service.store.migration import migrate

DATABASE = "highwater.sqlite"
_ABOUT = "about.json"
_TRIES = 5
_NAMES = re.compile(r"about\.json|highwater\.sqlite|checkpoints/\d{1,20}\.state|journal/\d{1,20}\.journal")
_MOST_FILES = 100_000
_MOST_RATIO = 250
"""A backup unpacks to so many times its own size at most: data files shrink to about a tenth."""
_FREE_BYTES = 1 << 30


def back_up(data_dir: Path, archive: Path) -> int:
    """Writes `archive` (`.tar.gz`); returns its size in bytes.

    Checkpoints are read first, the data file next, the journal last: so the journal covers the time from the checkpoint to after the data
    file, and judging it again on restore adds exactly what the data file lacks.
    """
    source = data_dir / DATABASE
    if not source.is_file():
        raise UnreadableInput(f"there is no data file in {data_dir}: name the folder with --data")
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / DATABASE
            parts = _parts(data_dir, copy)
            with whole_file(archive) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                _add(tar, _ABOUT, json.dumps({"highwater": installed_version()}).encode())
                tar.add(copy, DATABASE)
                for name, data in parts:
                    _add(tar, name, data)
    except (OSError, sqlite3.Error) as fault:
        raise UnreadableInput(f"the backup {archive} can't be written: {fault}") from fault
    return archive.stat().st_size


def restore(archive: Path, data_dir: Path) -> None:
    """Unpacks into a new or empty folder, so that a restore never destroys existing data."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise UnreadableInput(f"{data_dir} is not empty: move it away, or restore into another folder with --data")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = _members(archive, tar, data_dir)
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            for member in members:
                _extract(tar, member, data_dir)
    except (OSError, tarfile.TarError, EOFError) as fault:
        raise UnreadableInput(f"the backup {archive} can't be read: {fault}") from fault
    (data_dir / _ABOUT).unlink()
    _check(data_dir / DATABASE)


def _members(archive: Path, tar: tarfile.TarFile, data_dir: Path) -> list[tarfile.TarInfo]:
    """What the archive holds: regular files that a backup writes, each once. Raises UnreadableInput if there is anything else in it."""
    members: list[tarfile.TarInfo] = []
    names: set[str] = set()
    most, free = _FREE_BYTES + _MOST_RATIO * archive.stat().st_size, shutil.disk_usage(_there(data_dir)).free
    total = 0
    for member in tar:
        is_ours = member.isreg() and _NAMES.fullmatch(member.name) and member.name not in names
        if not is_ours or len(members) == _MOST_FILES:
            raise UnreadableInput(f"{archive} contains {member.name[:100]!r}, which is never part of a backup: nothing was restored")
        total += member.size
        if total > most:
            raise UnreadableInput(
                f"{archive} would unpack to more than {most} bytes, which no backup of Highwater does: nothing was restored"
            )
        if total > free:
            raise UnreadableInput(f"{archive} needs more room than the {free} bytes that are free for {data_dir}: nothing was restored")
        names.add(member.name)
        members.append(member)
    if not {_ABOUT, DATABASE} <= names:
        raise UnreadableInput(f"{archive} is not a backup of Highwater")
    return members


def _there(folder: Path) -> Path:
    return next(existing for existing in (folder, *folder.absolute().parents) if existing.exists())


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, data_dir: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise UnreadableInput(f"{member.name} in the backup can't be read")
    target = data_dir / member.name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with source, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        shutil.copyfileobj(source, file)


@contextmanager
def stopped(data_dir: Path) -> Iterator[bool]:
    """Whether no monitor runs on the folder; then none can start meanwhile."""
    path = data_dir / "serve.lock"
    if not path.exists():
        yield True
        return
    with path.open("r") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _parts(data_dir: Path, copy: Path) -> list[tuple[str, bytes]]:
    """Checkpoints and journal by their names in the archive; read again if the monitor deleted a file of the journal meanwhile."""
    for _ in range(_TRIES):
        copy.unlink(missing_ok=True)
        checkpoints = _read(data_dir / "checkpoints", ".state")
        _copy(data_dir / DATABASE, copy)
        journal = _read(data_dir / "journal", ".journal")
        covered = max((int(Path(name).stem) for name, _ in checkpoints), default=0)
        if min((int(Path(name).stem) for name, _ in journal), default=0) <= covered + 1:
            return checkpoints + journal
    raise OSError("new checkpoints are written too quickly: try again when there is less input")


def _read(folder: Path, suffix: str) -> list[tuple[str, bytes]]:
    files = []
    for path in sorted(folder.glob(f"*{suffix}")):
        try:
            files.append((f"{folder.name}/{path.name}", path.read_bytes()))
        except FileNotFoundError:
            continue
    return files


def _copy(source: Path, target: Path) -> None:
    reader = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    writer = sqlite3.connect(target)
    try:
        reader.execute("PRAGMA wal_autocheckpoint=0")
        reader.backup(writer, pages=1024, sleep=0.01)
        writer.execute("PRAGMA journal_mode=DELETE")
    finally:
        writer.close()
        reader.close()


def _check(database: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise UnreadableInput(f"the data file in the backup is damaged: {verdict}")
        migrate(connection)
    except sqlite3.DatabaseError as fault:
        raise UnreadableInput(f"the data file in the backup is damaged: {fault}") from fault
    finally:
        connection.close()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    tar.addfile(member, io.BytesIO(data))
