"""Parts of the monitor are built in one place, and each handler takes those that it uses: nobody reaches through one into another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = sorted((ROOT / "service" / "http" / "routes").rglob("*.py"))
HOLDERS = {"service/composition.py", "service/http/app.py", "service/http/server.py", "service/demo.py", "highwater/commands/serve.py"}
"""Who may hold all parts: the place where they are built, and those who start and stop them."""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_part(argument: ast.arg) -> bool:
    return isinstance(argument.annotation, ast.Name) and argument.annotation.id.endswith("Dep")


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_handler_asks_its_parts_and_not_the_parts_of_its_parts(path: Path) -> None:
    reached = [
        f"{function.name}: {ast.unparse(node)}"
        for function in functions(path)
        for part in [argument.arg for argument in function.args.args if is_part(argument)]
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)
        if isinstance(node.value.value, ast.Name) and node.value.value.id == part and part != "parameters"
    ]
    assert reached == []


def test_only_those_who_start_the_monitor_hold_all_of_it() -> None:
    sources = [path for folder in ("service", "highwater") for path in (ROOT / folder).rglob("*.py")]
    users = {str(path.relative_to(ROOT)) for path in sources if "service.composition" in path.read_text()} | {"service/composition.py"}
    assert users <= HOLDERS


def test_a_request_finds_parts_by_name_in_two_places_only() -> None:
    by_key = {str(path.relative_to(ROOT)) for path in (ROOT / "service").rglob("*.py") if "state.parts" in path.read_text()}
    assert by_key == {"service/http/app.py", "service/http/routes/parts.py", "service/auth/authentication.py"}
