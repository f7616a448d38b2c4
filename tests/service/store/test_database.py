"""The data file: one writer, any reader, and nothing half done."""

import sqlite3
import threading
from pathlib import Path

import pytest

from models.errors import StateError, UnreadableInput
from service.store.database import Database
from service.store.migration import migrate, steps


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "highwater.sqlite")
    yield opened
    opened.close()


def put(name: str):
    return lambda connection: connection.execute("INSERT INTO facts VALUES (?, '')", (name,)).rowcount


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM facts ORDER BY name")]


def test_a_job_that_fails_leaves_nothing_and_costs_its_neighbours_nothing(database: Database) -> None:
    gate = threading.Event()
    database.write(lambda _: gate.wait(5))

    def half(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise ValueError("no")

    before, failed, after = database.write(put("before")), database.write(half), database.write(put("after"))
    gate.set()
    assert before.result(5) == after.result(5) == 1
    with pytest.raises(ValueError, match="no"):
        failed.result(5)
    assert database.read(names) == ["after", "before"]


def test_what_a_future_says_is_done_is_committed(database: Database) -> None:
    database.write(put("x")).result(5)
    other = sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)
    assert names(other) == ["x"]
    other.close()


def test_readers_can_not_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.read(put("x"))


def test_only_the_writer_checkpoints_the_wal(database: Database) -> None:
    assert database.read(lambda connection: connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0]) == 0
    assert database.write(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0]).result(5) == "wal"
    assert database.write(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0]).result(5) == 2


def test_every_table_is_strict(database: Database) -> None:
    tables = database.read(
        lambda connection: connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    )
    loose = [name for name, strict in tables if not strict and not name.startswith("sqlite_")]
    assert loose == []


def test_two_processes_worth_of_writers_take_turns(tmp_path: Path) -> None:
    one, two = Database(tmp_path / "x.sqlite"), Database(tmp_path / "x.sqlite")
    futures = [database.write(put(f"{number}-{position}")) for number in range(50) for position, database in enumerate((one, two))]
    assert [future.result(10) for future in futures] == [1] * 100
    assert len(one.read(names)) == 100
    one.close()
    two.close()


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "new.sqlite")
    connection.execute("PRAGMA user_version=999")
    connection.close()
    with pytest.raises(StateError, match="run the newer program"):
        Database(tmp_path / "new.sqlite")


def test_what_is_no_data_file_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UnreadableInput, match="can't open the data file"):
        Database(path)


def test_a_migration_that_fails_leaves_the_layout_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    good = steps()
    monkeypatch.setattr(
        "service.store.migration.steps", lambda: [*good, (good[-1][0] + 1, "CREATE TABLE extra (a TEXT) STRICT; NONSENSE;")]
    )
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == good[-1][0]
    assert connection.execute("SELECT count(*) FROM pragma_table_list WHERE name = 'extra'").fetchone()[0] == 0
    connection.close()


def test_writing_after_the_end_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite")
    database.close()
    with pytest.raises(StateError, match="stopping"):
        database.write(put("x"))
