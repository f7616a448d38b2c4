"""A visitor: one browser window with somebody signed in, which notes every error and every foreign request."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Request

from tests.service.house import House

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
PATIENCE_MS = 40_000
"""How long a test waits for what a page must show, on a busy machine."""
AXE = Path(__file__).parent / "vendor" / "axe.js"


class Visitor:
    """`Visitor(browser, house, "triage")`; `page` is Playwright's."""

    def __init__(self, browser: Browser, house: House, role: str | None, *, address: str | None = None, **options: Any) -> None:
        self.address = address or house.address
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        self.bytes = 0
        if role is not None:
            answer = self.context.request.post(
                f"{self.address}/v1/session", data={"token": house.secrets[role]}, headers={"X-Highwater": "test"}
            )
            assert answer.status == 204
        self.page = self.open()

    def open(self) -> Page:
        """One more tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda fault: self.faults.append(f"{page.url}: {fault}"))
        page.on("console", lambda sent: sent.type in ("error", "warning") and self.faults.append(f"{page.url}: {sent.text}"))
        page.on("request", self._check)
        return page

    def _check(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.faults.append(f"foreign request: {request.url}")

    def go(self, path: str) -> Page:
        """Open an address and wait until its view stands."""
        self.page.goto(self.address + path, wait_until="commit")
        self.page.wait_for_selector("main h1")
        self.page.wait_for_selector("main:not(:has-text('Loading'))")
        return self.page

    def axe(self, rules: Sequence[str] = RULES) -> list[str]:
        """Findings of axe-core on what is shown, of any impact; `rules` are its tags, or else names of rules."""
        if not self.page.evaluate("Boolean(globalThis.axe)"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        only = {"type": "tag" if set(rules) <= set(RULES) else "rule", "values": list(rules)}
        result = self.page.evaluate("only => axe.run(document, { runOnly: only, resultTypes: ['violations'] })", only)
        return [
            f"{self.page.url} {one['id']}: {node['target']} {node['failureSummary']}"
            for one in result["violations"]
            for node in one["nodes"][:3]
        ]


def name_oneself(page: Page, name: str) -> None:
    """Set the name that stands beside what this browser does."""
    page.click("text=Settings")
    page.click("header >> text=Change")
    page.fill("dialog input[name=name]", name)
    page.click("dialog >> text=Use this name")
    page.wait_for_selector("dialog", state="detached")
