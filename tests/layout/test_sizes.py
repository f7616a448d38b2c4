"""Files and functions are short enough to be read at once; what is longer stands in a list that only shrinks."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 50
LONG_FILES = frozenset(
    {
        "tests/changes/files/test_icalendar_file.py",
        "tests/changes/planning/test_conflicts.py",
        "tests/service/http/test_changes.py",
        "tests/service/notify/test_change_notices.py",
        "tests/service/notify/test_subscriptions.py",
        "tests/streams/decode/test_decode.py",
        "tests/streams/windowing/test_assembler.py",
    }
)
LONG_FUNCTIONS = frozenset(
    {
        "service/composition.py:compose",
        "tests/kafka/cluster.py:replayed",
        "tests/service/page/test_triage_story.py:test_from_alert_to_post_mortem",
    }
)


def tracked(*patterns: str) -> list[str]:
    names = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in names if "/vendor/" not in name and (ROOT / name).exists()]


def functions(name: str) -> Iterator[tuple[str, int]]:
    """(function, its lines) of a file."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {name: (ROOT / name).read_text().count("\n") for name in tracked("*.py", "*.js")}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES and name not in LONG_FILES} == {}


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    lengths = [one for name in tracked("*.py") for one in functions(name)]
    assert {name: lines for name, lines in lengths if lines > MOST_LINES_OF_A_FUNCTION and name not in LONG_FUNCTIONS} == {}
