"""`highwater changes import` of changes whose owner was corrected at their source."""

import json
from pathlib import Path

import pytest

from changes.files.reader import read_changes
from changes.files.writer import to_json_array
from highwater.cli import run
from tests.changes.builders import change, write


def test_a_change_whose_owner_is_corrected_at_its_source_leaves_its_earlier_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to, mapping = str(tmp_path / "c.json"), "docs/calendars/servicenow.toml"
    for number, company in enumerate(("SUP-01", "SUP-02")):
        row = {
            "sys_id": "9d385017c611228701d22104cc95c371",
            "number": "CHG1",
            "short_description": "Patch",
            "company": company,
            "start_date": "2026-02-03 22:00:00",
            "end_date": "2026-02-03 23:00:00",
            "sys_updated_on": f"2026-01-0{1 + number} 09:00:00",
        }
        path = write(tmp_path, f"{number}.json", json.dumps({"result": [row]}))
        assert run(["changes", "import", str(path), "--mapping", mapping, "--to", to]) == 0
    assert "CHG1 (SUP-01) withdrawn: the newest export holds it as SUP-02/CHG1" in capsys.readouterr().out
    assert [(one.owner, one.status) for one in read_changes(to)[0]] == [("SUP-02", "declared")]
    assert run(["changes", "import", str(tmp_path / "0.json"), "--mapping", mapping, "--to", to]) == 0
    assert [one.owner for one in read_changes(to)[0]] == ["SUP-02"], "an older export that is read later brings nothing back"


def test_a_change_that_likely_stands_under_two_owners_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = str(tmp_path / "c.json")
    for number, owner in enumerate(("SUP-01", "SUP-02")):
        other = change("CHG2", owner, title=owner, planned_start=f"2026-01-05T21:0{number}:00Z")
        write(tmp_path, f"{number}.json", to_json_array([change("CHG1", owner), other]))
    first, second = (str(tmp_path / name) for name in ("0.json", "1.json"))
    assert run(["changes", "import", first, "--to", to]) == 0
    assert run(["changes", "import", second, "--to", to, "--json"]) == 1
    words = "CHG1 is new for SUP-02 and stands for SUP-01 too: if the owner was corrected, cancel that of SUP-01"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["doubts"] == [words]
    assert run(["changes", "import", second, "--to", to]) == 0, "it is said once, where it begins"
    assert run(["changes", "check", first, second]) == 1
    assert words in capsys.readouterr().out
