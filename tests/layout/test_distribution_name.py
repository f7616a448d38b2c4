"""The distribution is called `highwater-monitor`; nothing installs it, or anybody else's, by a name on a package index."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from highwater.cli import app

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
TEXTS = [
    name
    for name in TRACKED
    if name.endswith((".md", ".py", ".toml", ".yml", ".yaml", ".service", ".json", ".html", ".js")) or "." not in Path(name).name
]
BY_NAME = re.compile(
    r"(?:pip3?|pipx|uvx|uv|conda|poetry)\s[^\n`]*?(?<!un)(?:install|add|run|tool|download)\s[^\n`]*?(?<![\w./-])[\"']?highwater(?:-monitor)?(?=[\s\"'`\[=<>~,)]|$)"
)


def test_the_distribution_has_a_name_of_its_own_and_the_command_stays() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "highwater-monitor"
    assert project["scripts"] == {"highwater": "highwater.cli:main"}
    assert set(project["optional-dependencies"]) == {"kafka", "notify", "oidc"}
    assert app.info.name == "highwater"


@pytest.mark.parametrize(
    "command",
    ["pip install highwater", "pip install 'highwater[kafka]'", "uv pip install -U highwater-monitor", "/x/bin/pip install highwater==1"],
)
def test_an_installation_by_name_is_recognised(command: str) -> None:
    assert BY_NAME.search(command)


@pytest.mark.parametrize(
    "command",
    [
        "pip install --no-deps dist/highwater_monitor-0.1.0-py3-none-any.whl",
        "make install PREFIX=/opt/highwater",
        "uv pip uninstall highwater",
    ],
)
def test_an_installation_from_a_file_is_not(command: str) -> None:
    assert not BY_NAME.search(command)


def test_no_document_unit_file_or_image_installs_it_by_name() -> None:
    by_key = {
        name: BY_NAME.findall((ROOT / name).read_text(errors="replace"))
        for name in TEXTS
        if (ROOT / name).is_file() and not name.startswith("tests/layout/")
    }
    assert {name: lines for name, lines in by_key.items() if lines} == {}
