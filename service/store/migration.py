"""Migration: numbered SQL files bring an older data file to the current layout, each in one transaction."""

import re
import sqlite3
from importlib.resources import files

from models.errors import StateError

_NAME = re.compile(r"(\d{4})_\w+\.sql")


def steps() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, in order, without gaps."""
    numbered = []
    for entry in (files("service.store") / "migrations").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            numbered.append((int(match[1]), entry.read_text(encoding="utf-8")))
    return sorted(numbered)


def migrate(connection: sqlite3.Connection) -> int:
    """Applies missing migrations; returns the resulting version. Raises StateError if the file is from a newer program."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    known = steps()
    if version > known[-1][0]:
        raise StateError(
            f"the data file has layout {version}, this program knows {known[-1][0]}: run the newer program, or restore an older backup"
        )
    for number, sql in known:
        if number <= version:
            continue
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version={number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return known[-1][0]
