"""Watched folder: calendar files that people put into it are declared once; a report next to each file gives the result."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from changes.files.calendar_files import write_file
from changes.files.formats import FORMATS
from changes.files.merge import merge
from changes.files.reader import ReadOptions, describe, read_changes
from models.canonical_json import to_json
from models.change import Change
from models.clock import Clock
from models.errors import HighwaterError
from models.times import instant
from service.access import Principal, Role
from service.problems import Problem
from service.triage.change_declaration import ChangeDeclarations, Declared
from service.triage.exports.record_exports import Gone

LEDGER = "watched.json"
REPORT = ".report.txt"
_UNFINISHED = frozenset({".tmp", ".part", ".partial", ".crdownload", ".swp", ".filepart"})
"""Suffixes of files that are still being written."""
_REMEMBERED = 10_000
_AT_ONCE = 500
_WATCHER = Principal("changes.watch", "changes.watch", Role.TRIAGE)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for a file."""

    taken: int = 0
    known: int = 0
    faults: tuple[str, ...] = ()
    withdrawn: int = 0
    """What the file, the newest export, no longer contains: times of a series, and changes under an earlier owner or id."""
    doubts: tuple[str, ...] = ()
    """Changes that likely stand under another owner too, a line each."""

    @property
    def text(self) -> str:
        """A line for the log, and in the report one line per fault below it."""
        gone = f", {self.withdrawn} withdrawn" if self.withdrawn else ""
        first = f"{self.taken} new or revised, {self.known} known already{gone}, {len(self.faults)} not taken"
        return "\n".join([first, *self.faults, *self.doubts]) + "\n"


class WatchedFolder:
    """Checks a folder periodically; a file is read when it has stopped growing, and never twice with the same content."""

    def __init__(self, folder: Path, data_dir: Path, declarations: ChangeDeclarations, clock: Clock) -> None:
        self._folder, self._ledger, self._declarations, self._clock = folder, data_dir / LEDGER, declarations, clock
        self._sizes: dict[Path, tuple[int, int]] = {}
        """Size and modification time at the last check."""
        self._done: dict[str, str] | None = None
        """Hash of the content → its file name."""

    async def look(self) -> None:
        """Declares new files that have stopped growing."""
        for path in await asyncio.to_thread(self._at_rest):
            await self._take(path)

    def _at_rest(self) -> list[Path]:
        """Files that have not changed since the last check; none if the folder does not exist."""
        try:
            sizes = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(self._folder.iterdir()) if _is_dropped(path)}
        except OSError as fault:
            log.warning("the watched folder can't be read", folder=str(self._folder), why=fault.strerror)
            return []
        unchanged = [path for path, size in sizes.items() if self._sizes.get(path) == size]
        self._sizes = sizes
        return [path for path in unchanged if not self._is_done(path)]

    def _is_done(self, path: Path) -> bool:
        return _hash(path) in self._known()

    async def _take(self, path: Path) -> None:
        digest = await asyncio.to_thread(_hash, path)
        outcome = await self._declare(path)
        await asyncio.to_thread(self._close, path, digest, outcome)
        log.info("a calendar was dropped", file=path.name, taken=outcome.taken, known=outcome.known, faults=len(outcome.faults))

    async def _declare(self, path: Path) -> Outcome:
        try:
            options = ReadOptions(now=instant(self._clock.wall_us()).astimezone(UTC))
            changes, rejections = await asyncio.to_thread(read_changes, path, options)
        except HighwaterError as fault:
            return Outcome(faults=(str(fault),))
        merged = await asyncio.to_thread(merge, changes)
        faults = [*map(describe, rejections), *(one.text for one in merged.disagreements)]
        taken = known = 0
        gone: list[Gone] = []
        doubts: list[str] = []
        for first in range(0, len(merged.changes), _AT_ONCE):
            some = merged.changes[first : first + _AT_ONCE]
            declared, refused = await self._declare_some(some)
            taken, known = taken + declared.new, known + len(some) - declared.new - len(refused)
            faults, gone, doubts = faults + refused, gone + declared.gone, doubts + declared.doubts
        async with self._declarations.lock:
            # An unreadable row may be any occurrence of any series: nothing is withdrawn then.
            gone += [] if rejections else await self._declarations.close_export(_WATCHER, merged.changes)
        return Outcome(taken, known, tuple(faults), len(gone), tuple(doubts))

    async def _declare_some(self, changes: Sequence[Change]) -> tuple[Declared, list[str]]:
        """What was declared, and why others are refused."""
        given = await asyncio.to_thread(_as_fields, changes)
        async with self._declarations.lock:
            made = await asyncio.to_thread(self._declarations.examine_all, _WATCHER, given)
            declared = await self._declarations.declare_examined(_WATCHER, made)
        return declared, [f"{change.key}: {one.detail}" for change, one in zip(changes, made, strict=True) if isinstance(one, Problem)]

    def _close(self, path: Path, digest: str, outcome: Outcome) -> None:
        known = self._known()
        known[digest] = f"{path.name} {datetime.fromtimestamp(self._clock.wall_us() / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}"
        while len(known) > _REMEMBERED:
            del known[next(iter(known))]
        write_file(self._ledger, json.dumps(known, indent=1).encode())
        try:
            write_file(path.with_name(path.name + REPORT), outcome.text.encode())
        except HighwaterError as fault:
            log.warning("the report on a dropped calendar can't be written beside it", why=str(fault))

    def _known(self) -> dict[str, str]:
        if self._done is None:
            try:
                self._done = dict(json.loads(self._ledger.read_bytes()))
            except (OSError, ValueError, TypeError):
                self._done = {}
        return self._done


def _as_fields(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [json.loads(to_json(change)) for change in changes]


def _is_calendar(path: Path) -> bool:
    suffixes = path.suffixes[:-1] if path.suffix == ".gz" else path.suffixes
    return bool(suffixes) and suffixes[-1].lower() in FORMATS


def _is_dropped(path: Path) -> bool:
    """Whether people put the file there, a calendar or not: no report of ours, and nothing that another program still works on."""
    passing = path.name.startswith((".", "~$")) or path.suffix.lower() in _UNFINISHED
    return not passing and not path.name.endswith(REPORT) and path.is_file()


def _hash(path: Path) -> str:
    try:
        # A file that is no calendar is never read, whatever its size.
        content = path.read_bytes() if _is_calendar(path) else str(path.stat().st_size).encode()
        return hashlib.sha256(path.name.encode() + b"\0" + content).hexdigest()
    except OSError:
        return f"unreadable: {path.name}"
