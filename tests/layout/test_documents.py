"""What the documents tell people to type exists: commands, options, make targets, links, settings."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from config.settings import Settings
from config.toml import as_toml
from highwater.cli import app

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
DOCUMENTS = [ROOT / name for name in TRACKED if not name.startswith("tests/")]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(path: Path) -> list[str]:
    """Every line of a code block, and every `inline` snippet, that starts with `highwater` or `make`."""
    text = path.read_text()
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`((?:highwater|make) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line for line in [*lines, *inline] if re.match(r"(\.venv/bin/)?(highwater|make) [a-z<]", line)]


def words(line: str) -> list[str]:
    """The words of a command, without comment, pipe or redirection."""
    bare = re.split(r"\s(?:#|\||>|&&|&|→)", f"{line} ")[0]
    try:
        return shlex.split(bare)
    except ValueError:
        return bare.split()


def complaint(line: str) -> str | None:
    """Why a command would not work; None if every name in it is known."""
    program, *rest = words(line)
    if program.endswith("make"):
        unknown = [word for word in rest[:1] if word not in TARGETS]
        return f"no make target {unknown[0]}" if unknown else None
    return highwater_complaint(typer.main.get_command(app), rest)


def highwater_complaint(command: Any, rest: list[str]) -> str | None:
    while hasattr(command, "commands") and rest and re.fullmatch(r"[a-z-]+", rest[0]):
        if rest[0] not in command.commands:
            return f"no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word.split("=")[0] for word in rest if word.startswith("--") and len(word) > 2 and word.split("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists(document: Path) -> None:
    assert {line: why for line in commands(document) if (why := complaint(line))} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if "://" not in link and not link.startswith("mailto:") and not (document.parent / link).exists()] == []


OURS = "benchmarks|changes|config|correlation|detectors|docs|highwater|models|service|simulator|streams|tests"
HISTORY = {"CHANGELOG.md"}
"""Names the files of its day."""


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.name not in HISTORY], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_ours_in_a_document_exists(document: Path) -> None:
    named = re.findall(rf"(?<![\w/.-])((?:{OURS})/[\w./-]+\.(?:py|js|css|toml|json|ya?ml|service|md))\b", document.read_text())
    assert sorted({name for name in named if not (ROOT / name).exists()}) == []


def test_the_readme_starts_people_with_two_commands() -> None:
    first = next(block for block in re.findall(r"^```[a-z]*\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL))
    assert {"make demo", "make test"} <= {line.split("#")[0].strip() for line in first.splitlines()}


def test_the_default_settings_file_is_what_the_code_says() -> None:
    assert (ROOT / "config" / "default.toml").read_text() == as_toml(Settings())
