"""The four ways through the code that ARCHITECTURE.md tells lead along imports that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
MOST_MODULES = 10


def ways() -> dict[str, list[str]]:
    """Heading of each list → its modules in order."""
    section = TEXT.partition("## Four ways through the code")[2]
    parts = re.split(r"^\*\*(.+)\*\*$", section, flags=re.MULTILINE)[1:]
    return {title: re.findall(r"^\d+\. `([^`]+)`", body, re.MULTILINE) for title, body in zip(parts[::2], parts[1::2], strict=True)}


WAYS = ways()


def imported(path: str) -> set[str]:
    """Files of ours that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {f"{name.replace('.', '/')}.py" for name in names}


def test_there_are_four() -> None:
    assert len(WAYS) == 4


@pytest.mark.parametrize("title", WAYS)
def test_a_way_is_short_and_its_modules_exist(title: str) -> None:
    way = WAYS[title]
    assert 2 <= len(way) <= MOST_MODULES
    assert [module for module in way if not (ROOT / module).is_file()] == []


@pytest.mark.parametrize("title", WAYS)
def test_each_module_of_a_way_is_tied_to_an_earlier_one(title: str) -> None:
    way = WAYS[title]
    loose = [
        module
        for number, module in enumerate(way[1:], start=1)
        if not any(earlier in imported(module) or module in imported(earlier) for earlier in way[:number])
    ]
    assert loose == []


def test_the_modules_of_the_glossary_exist() -> None:
    glossary = TEXT.partition("## Glossary")[2].partition("## Four ways")[0]
    modules = re.findall(r"\| `([^`]+\.py)` \|$", glossary, re.MULTILINE)
    assert len(modules) >= 20
    assert [module for module in modules if not (ROOT / module).is_file()] == []
