"""`highwater changes add` at a terminal, at a monitor, and beside changes of other owners; full exports at a monitor."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.files.writer import to_json_array
from highwater.cli import run
from tests.changes.builders import END, START, change, write
from tests.changes.monitors import HoldingMonitor, Monitor, UsersMonitor, served


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


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_an_answer_that_can_not_be_used_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"Firewall\na/b\nSUP-01\n2026-01-05 22:00\n{START}\n2026-01-05T21:00:00Z\n{END}\n"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    path = tmp_path / "a.json"
    assert run(["changes", "add", "--to", str(path)]) == 0
    (made,) = json.loads(path.read_text())
    assert (made["owner"], made["planned_start"], made["planned_end"]) == ("SUP-01", START, END)
    assert capsys.readouterr().out.count("Error:") == 3


def test_what_a_full_export_lacks_is_named_at_a_monitor_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change("A")]))
    for address in served(HoldingMonitor):
        assert run(["changes", "import", str(path), "--to", address, "--token", "secret", "--full"]) == 1
    assert "B is missing in the full export" in capsys.readouterr().out
