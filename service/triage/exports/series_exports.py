"""Series exports: the newest export of every declared series, so that an older one never restores a removed occurrence."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from changes.files.merge import Key, SeriesRank, is_superseded, series_ranks, withdrawn
from models.change import Change
from service.store.database import Database

_PREFIX = "series:"


class SeriesExports:
    """Keeps them across restarts; the caller processes one export after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: dict[Key, SeriesRank] = database.read(_read)

    def is_superseded(self, change: Change) -> bool:
        """Whether a newer export of the series than that of `change` was declared."""
        return bool(self._newest) and is_superseded(change, self._newest)

    def withdrawn(self, standing: Iterable[Change], export: Sequence[Change], since: datetime | None) -> list[Change]:
        """The changes that `export` withdraws because it does not contain them; see `merge.withdrawn`."""
        return withdrawn(standing, export, self._newest, since) if series_ranks(export, self._newest) else []

    def note(self, export: Sequence[Change]) -> None:
        """From now on older exports than this one no longer count."""
        newer = {key: rank for key, rank in series_ranks(export, self._newest).items() if rank > self._newest.get(key, (0, rank[1]))}
        if newer:
            self._database.write(partial(_write, ranks=newer)).result()
            self._newest |= newer


def _read(connection: sqlite3.Connection) -> dict[Key, SeriesRank]:
    stored = connection.execute("SELECT name, value FROM facts WHERE name LIKE ?", (f"{_PREFIX}%",))
    return {_key(name): _rank(value) for name, value in stored}


def _write(connection: sqlite3.Connection, ranks: Mapping[Key, SeriesRank]) -> None:
    rows = [(f"{_PREFIX}{owner}/{series}", f"{revision} {at.isoformat()}") for (series, owner), (revision, at) in ranks.items()]
    connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)


def _key(name: str) -> Key:
    owner, _, series = name.removeprefix(_PREFIX).partition("/")
    return series, owner


def _rank(value: str) -> SeriesRank:
    revision, _, at = value.partition(" ")
    return int(revision), datetime.fromisoformat(at)
