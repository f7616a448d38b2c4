"""A data file of the release before this one, in which changes were known by their `change_id` alone, is read on."""

import json
import sqlite3
from functools import partial
from pathlib import Path

from models.canonical_json import to_json
from service.access import Principal, Role
from service.store import commits, records
from service.store.database import Database
from service.store.migration import steps
from service.store.records import CHANGE, REPORT
from tests.service.builders import change, report

DESK = Principal("", "", Role.TRIAGE)
ROW = "INSERT INTO records (kind, audience, owner, id, revision, as_of_us, written_us, body) VALUES (?, ?, ?, ?, 1, 0, 0, ?)"
STANDING = "INSERT INTO standing VALUES (?, ?, ?, ?, ?, 1, ?, 0, '', '', '', '', '')"


def old_file(path: Path) -> None:
    """As release 932208c wrote it: layout 3."""
    connection = sqlite3.connect(path)
    for number, sql in steps()[:3]:
        connection.executescript(f"{sql}\nPRAGMA user_version={number};")
    body = json.dumps({name: value for name, value in json.loads(to_json(report())).items() if name != "owner"}, separators=(",", ":"))
    for kind, audience, owner, text in (
        (CHANGE, "", "ACME", to_json(change())),
        (CHANGE, "ACME", "ACME", to_json(change())),
        (REPORT, "", "", body.encode()),
        (REPORT, "ACME", "", body.encode()),
        (REPORT, "", "", body.replace("C-1", "GONE").encode()),
    ):
        name = json.loads(text)["change_id"]
        seq = connection.execute(ROW, (kind, audience, owner, name, text)).lastrowid
        connection.execute(STANDING, (kind, audience, name, seq, seq, owner))
    connection.execute("INSERT INTO facts VALUES ('published:C-1', '1')")
    connection.commit()
    connection.close()


def test_ids_of_changes_and_reports_become_those_of_their_owner(tmp_path: Path) -> None:
    old_file(tmp_path / "highwater.sqlite")
    database = Database(tmp_path / "highwater.sqlite")
    try:
        assert list(database.read(commits.declared)) == ["ACME/C-1"]
        assert database.read(commits.published) == {"ACME/C-1": 1}
        own = Principal("", "", Role.USER, "ACME")
        for principal in (DESK, own):
            assert database.read(partial(records.one, principal=principal, kind=CHANGE, id="ACME/C-1")) == to_json(change())
            result = database.read(partial(records.one, principal=principal, kind=REPORT, id="ACME/C-1"))
            assert result is not None
            assert json.loads(result)["owner"] == "ACME"
        assert database.read(partial(records.one, principal=DESK, kind=REPORT, id="GONE")) is not None, "of a change that nobody knows"
    finally:
        database.close()
