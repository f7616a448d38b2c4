"""A page changes while a test looks at it: an assertion on what it shows waits until it holds, or the test fails on a busy machine."""

import ast
from pathlib import Path

PAGE = Path(__file__).parents[1] / "service" / "page"
AT_ONCE = {"get_attribute", "inner_html", "inner_text", "input_value", "is_checked", "is_hidden", "is_visible", "text_content"}
"""Playwright's methods that look once; `expect(locator)` of the same library waits."""


def looks_once(path: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno}: {ast.unparse(node.test)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
        for call in ast.walk(node.test)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr in AT_ONCE or (ast.unparse(call).startswith("page.locator") and call.func.attr == "count")
    ]


def test_an_assertion_on_what_a_page_shows_waits_for_it() -> None:
    paths = sorted(PAGE.glob("test_*.py"))
    assert paths
    assert [finding for path in paths for finding in looks_once(path)] == []
