"""Texts for people use the field's words: private words that were retired do not return in docstrings, comments, messages and documents."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RETIRED = re.compile(r"\b(told|tells?|telling|anew|none of ours|laid at \S+(?: \S+)? door)\b", re.IGNORECASE)
"""Use notify, send, report, state or show; again; invalid; attributed to."""
NAMES = re.compile(r"`[^`]*`|\{[^{}]*\}")
"""Code in a text: a name that still carries a retired word is not a text."""
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM)\b")
"""Statements name tables of data files, which keep their names."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each comment and phrase of a Python file, and of each line of a document."""
    source = path.read_text()
    if RETIRED.search(source) is None:
        return
    if path.suffix == ".md":
        yield from enumerate(source.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_phrase = token.type == tokenize.STRING and " " in token.string and SQL.search(token.string) is None
        if is_phrase or token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_retired_words_do_not_return() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    matches = [
        f"{name}:{line}: {word[0]}"
        for name in tracked
        if not name.startswith("tests/")
        for line, text in texts(ROOT / name)
        if (word := RETIRED.search(NAMES.sub("", text)))
    ]
    assert matches == []


def test_retired_words_are_not_in_the_scripts_of_the_page() -> None:
    words = re.compile(r"\b(told|tells?|telling|anew|hear|heard)\b")
    scripts = subprocess.run(["git", "ls-files", "service/page/*.js"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    lines = ((name, number, line) for name in scripts for number, line in enumerate((ROOT / name).read_text().splitlines(), 1))
    assert [f"{name}:{number}" for name, number, line in lines if words.search(line)] == []


RETIRED_NAMES = frozenset(
    {"told", "tell", "heard", "hear", "said", "teller", "deaf", "anew", "found", "place", "places", "octets", "roster", "alike"}
)
"""Use the noun of what it is: record, findings, index, column, position, topic_partition, assignment."""
KEPT_NAMES = frozenset({("service/operations/doctor.py", "found")})
"""`doctor --json` prints it."""

KEPT_IN_TESTS = {file: frozenset({"found"}) for file in ("benchmarks/nab/__main__.py", "benchmarks/nab/scoring.py")}
"""The field's word there: how many of the labelled windows were found."""


def stored_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of each variable, attribute, parameter, function and class that is defined there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def test_retired_words_are_no_names_of_the_program() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    stored = [
        f"{file}:{line}: {name}"
        for file in tracked
        if not file.startswith(("tests/", "benchmarks/"))
        for line, name in stored_names(ast.parse((ROOT / file).read_text()))
        if name.strip("_").lower() in RETIRED_NAMES and (file, name) not in KEPT_NAMES
    ]
    assert stored == []


def test_retired_words_are_no_names_of_tests_and_benchmarks_either() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "tests", "benchmarks"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    stored = [
        f"{file}:{line}: {name}"
        for file in tracked
        if file.endswith(".py") and not file.startswith("tests/layout/")
        for line, name in stored_names(ast.parse((ROOT / file).read_text()))
        if name.strip("_").lower() in RETIRED_NAMES - KEPT_IN_TESTS.get(file, frozenset()) or {"told", "retold"} & set(name.split("_"))
    ]
    assert stored == []
