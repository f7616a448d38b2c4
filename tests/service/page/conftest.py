"""One Chromium and one monitor for all tests of a module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.service.house import House
from tests.service.page.board import lay_out
from tests.service.page.visitor import PATIENCE_MS, Visitor

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if _CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="needs Chromium: install the package chromium"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """While it is open its event loop runs in this thread: no other module could use `asyncio.run`."""
    # An assertion waits as long as an action: the five seconds of the library are the page's own interval between two looks at the status.
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("board") / "data") as opened:
        lay_out(opened)
        yield opened


@pytest.fixture
def visit(browser: Browser) -> Iterator[type[Visitor]]:
    """`visit(house, "triage")` opens a signed-in browser; whatever it logged as an error fails the test."""
    visitors: list[Visitor] = []

    class Visiting(Visitor):
        def __init__(self, house: House, role: str | None, **options: object) -> None:
            super().__init__(browser, house, role, **options)
            visitors.append(self)

    yield Visiting
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for visitor in visitors:
        visitor.context.close()
    assert not faults
