"""A run's four files are there whole or marked as unfinished."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from models.dead_letter import DeadLetter
from models.errors import UnreadableInput
from streams.sinks.result_files import NAMES, UNFINISHED, ResultFiles


@dataclass
class Step:
    """What one step brought."""

    alerts: list[Any] = field(default_factory=list)
    incidents: list[Any] = field(default_factory=list)
    reports: list[Any] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)


def letter(number: int) -> DeadLetter:
    return DeadLetter(source="f", position={"line": number}, reason="broken", raw="x")


def test_all_four_files_are_there_even_if_there_was_nothing_to_say(tmp_path: Path) -> None:
    with ResultFiles(tmp_path / "new" / "out"):
        pass
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(NAMES)


def test_records_stand_in_the_order_they_came(tmp_path: Path) -> None:
    with ResultFiles(tmp_path) as files:
        files.write(Step(rejected=[letter(2), letter(1)]))
        files.write(Step(rejected=[letter(3)]))
    listed = [json.loads(line)["position"]["line"] for line in (tmp_path / "rejected.ndjson").read_bytes().splitlines()]
    assert listed == [2, 1, 3]
    assert files.counts["rejected.ndjson"] == 3


def test_a_run_that_breaks_off_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    (tmp_path / "rejected.ndjson").write_text("of the run before\n")

    def broken() -> None:
        with ResultFiles(tmp_path) as files:
            files.write(Step(rejected=[letter(1)]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert (tmp_path / "rejected.ndjson").read_text() == "of the run before\n"
    assert (tmp_path / ("rejected.ndjson" + UNFINISHED)).exists()


def test_a_place_that_can_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableInput, match="file"):
        ResultFiles(tmp_path / "file")
    with pytest.raises(UnreadableInput, match="file"):
        ResultFiles(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnreadableInput, match="can't write"):
        ResultFiles(tmp_path)
