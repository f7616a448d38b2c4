"""README.md, from an empty folder: what comes after `make demo` works as it stands."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.documents.pages import ENVIRONMENT, ROOT, clean, commands, section, shell

LINES = commands(section("README.md", "Try it on your own data"))[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `make demo` has been run: it has left an environment."""
    made = tmp_path_factory.mktemp("tried")
    (made / ".venv").symlink_to(ENVIRONMENT, target_is_directory=True)
    return made


def test_the_readme_calls_the_program_where_make_has_put_it() -> None:
    assert all(line.startswith(".venv/bin/highwater ") for line in LINES)
    assert "VENV := .venv" in (ROOT / "Makefile").read_text()


def test_the_commands_after_make_demo_work_one_after_another(folder: Path) -> None:
    *lines, serve = LINES
    for line in lines:
        # A smaller day: the commands are under test, not the size of what they work on.
        shell(line + (" --users 4 --days 1 --window 900" if " simulate " in line else ""), folder)
    assert {path.name for path in (folder / "results").iterdir()} >= {
        "alerts.ndjson",
        "incidents.ndjson",
        "change-reports.ndjson",
        "rejected.ndjson",
    }
    with subprocess.Popen(
        [*serve.split(), "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True, env=clean(), start_new_session=True
    ) as monitor:
        assert monitor.stdout is not None
        assert any(line.startswith("listening on http://127.0.0.1:") for line in monitor.stdout)
        os.killpg(monitor.pid, signal.SIGTERM)
        assert monitor.wait(30) == 0
    assert (folder / "data" / "highwater.sqlite").exists()
