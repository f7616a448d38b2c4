"""`highwater changes add` at a monitor, and beside changes of other owners."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.files.writer import to_json_array
from highwater.cli import run
from tests.changes.builders import END, START, change, write
from tests.changes.monitors import Monitor, UsersMonitor, served


@pytest.fixture
def users_monitor() -> Iterator[str]:
    yield from served(UsersMonitor)


def test_a_user_declares_at_a_monitor_without_naming_itself(users_monitor: str, capsys: pytest.CaptureFixture[str]) -> None:
    named = ["--token", "secret", "--title", "Firewall", "--start", START, "--end", END]
    assert run(["changes", "add", "--to", users_monitor, *named]) == 0
    assert "conflict: this night is busy" in capsys.readouterr().out
    (_, _, previewed), (where, _, (sent,)) = Monitor.seen
    assert (where, previewed["owner"], sent["owner"], sent["category"]) == ("/v1/changes", "SUP-01", "SUP-01", "firewall")


def test_a_change_at_a_monitor_is_revised_field_by_field(users_monitor: str) -> None:
    assert run(["changes", "add", "--to", users_monitor, "--token", "secret", "--id", "C", "--status", "cancelled"]) == 0
    (sent,) = Monitor.seen[-1][2]
    assert (sent["revision"], sent["status"], sent["title"], sent["services"]) == (2, "cancelled", "Before", ["4.8.1"])


def test_a_change_of_another_owner_with_the_same_id_is_another_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change("CHG-1", "SUP-09", services=["4.8.1"])]))
    assert (
        run(
            [
                "changes",
                "add",
                "--to",
                str(path),
                "--id",
                "CHG-1",
                "--owner",
                "SUP-01",
                "--title",
                "Firewall",
                "--start",
                START,
                "--end",
                END,
            ]
        )
        == 0
    )
    mine, others = json.loads(path.read_text())
    assert (mine["owner"], "services" in mine, others["owner"]) == ("SUP-01", False, "SUP-09")
    assert run(["changes", "add", "--to", str(path), "--id", "CHG-1", "--status", "cancelled"]) == 2
    assert "SUP-01, SUP-09 each have a change CHG-1: give --owner" in capsys.readouterr().err
