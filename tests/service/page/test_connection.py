"""The page tells the truth about itself: after whatever a proxy or a restart answers it comes back by itself, and misses nothing."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.service.builders import change_json, desk, incident
from tests.service.house import House
from tests.service.page.proxy import Proxy
from tests.service.page.visitor import Visitor
from tests.service.served import Served

FAULTS = ("502", "503", "429", "400", "html", "closed")
BAD_NEWS = "Failed to load resource"


@pytest.fixture
def lenient(visit: type[Visitor]):
    """Visitors whose browser may log that an answer was an error: that is what these tests are about."""
    made: list[Visitor] = []

    def make(house: House, role: str, address: str, **options: object) -> Visitor:
        made.append(visit(house, role, address=address, **options))
        return made[-1]

    yield make
    for visitor in made:
        visitor.faults[:] = [fault for fault in visitor.faults if BAD_NEWS not in fault and "ERR_" not in fault]


def test_it_comes_back_after_every_kind_of_fault_and_shows_what_it_missed(board: House, lenient) -> None:
    proxies = {fault: Proxy(board.address) for fault in FAULTS}
    try:
        pages = {fault: lenient(board, "triage", proxy.address).go("/") for fault, proxy in proxies.items()}
        for fault, proxy in proxies.items():
            proxy.answer(fault)
        for page in pages.values():
            page.wait_for_selector("#strip >> text=No connection for")
            expect(page.locator(".light")).to_contain_text("Data")
        board.publish(desk(incident("I-7", summary="It happened meanwhile")))
        for proxy in proxies.values():
            proxy.answer(None)
        for page in pages.values():
            page.wait_for_selector("text=It happened meanwhile")
            page.wait_for_selector("#strip >> text=No connection for", state="detached")
        board.publish(desk(incident("I-8", summary="And it is live again")))
        for page in pages.values():
            page.wait_for_selector("text=And it is live again")
    finally:
        for proxy in proxies.values():
            proxy.close()


def test_the_calendar_shows_after_a_fault_what_was_declared_meanwhile(board: House, lenient) -> None:
    proxy = Proxy(board.address)
    try:
        page = lenient(board, "triage", proxy.address).go("/calendar")
        expect(page.get_by_role("heading", name="Changes of the month")).to_be_visible()
        proxy.answer("502")
        page.wait_for_selector("#strip >> text=No connection for")
        now = datetime.now(UTC)
        times = {"planned_start": now.isoformat(), "planned_end": (now + timedelta(hours=1)).isoformat()}
        body = change_json("MEANWHILE-1", "DCC", **times)
        assert board.client("triage").post("/v1/changes", json=body).status_code == 201
        proxy.answer(None)
        expect(page.get_by_role("cell", name="MEANWHILE-1")).to_be_visible()
    finally:
        proxy.close()


UNREAD = {
    "/traffic": "This could not be read: the monitor answered 500.",
    "/calendar?month=2026-01": "This could not be read: the monitor answered 500.",
    "/calendar/2026-01-05": "This could not be read: the monitor answered 500.",
    "/hand-over": "This could not be read: the monitor answered 500.",
    "/subscriptions": "This could not be read: the monitor answered 500.",
    "/incident/I-1": "The reason: the monitor answered 500.",
}


def test_what_could_not_be_read_is_never_shown_as_nothing(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, "admin")
    read = re.compile("/v1/(?!session|status)")
    visitor.page.route(read, lambda route: route.fulfill(status=500, body="it is broken"))
    page = visitor.page
    page.goto(visitor.address, wait_until="commit")
    expect(page.locator("#strip")).to_contain_text("Open incidents: not read yet")
    expect(page.locator("h1")).to_have_text("Open incidents")
    visitor.go("/system")
    expect(page.locator("section", has_text="This could not be read: the monitor answered 500.")).to_have_count(7)
    for path, text in UNREAD.items():
        expect(visitor.go(path).locator("main")).to_contain_text(text)
    page.unroute(read)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("h1")).to_have_text("ACME: 420 messages wait")
    visitor.faults.clear()  # the answers 500, which were asked for


def test_a_monitor_that_is_restarted_behind_a_proxy_is_found_again(tmp_path: Path, lenient) -> None:
    secret = "x" * 40
    served = Served(tmp_path / "data", HIGHWATER_SERVE__ADMIN_TOKEN=secret)
    proxy = Proxy(served.address)
    try:
        page = lenient(SimpleNamespace(secrets={"admin": secret}), "admin", proxy.address).go("/calendar?month=2026-01")
        expect(page.locator("main")).to_contain_text("No change is declared in this month.")
        assert served.stop() == 0
        page.wait_for_selector("#strip >> text=No connection for")
        served = Served(tmp_path / "data", HIGHWATER_SERVE__ADMIN_TOKEN=secret)
        proxy.lead_to(served.address)
        change, signed = change_json("D-1", "DCC", title="After the restart"), {"Authorization": f"Bearer {secret}"}
        page.wait_for_selector("#strip >> text=No connection for", state="detached")
        assert page.request.post(f"{served.address}/v1/changes", data=change, headers=signed).ok
        expect(page.locator("tbody tr")).to_contain_text("After the restart")
    finally:
        proxy.close()
        served.kill()


def test_silence_is_no_connection(board: House, lenient) -> None:
    proxy = Proxy(board.address)
    try:
        visitor = lenient(board, "triage", proxy.address)
        visitor.page.clock.install()
        page = visitor.go("/")
        page.wait_for_selector("text=open incidents")
        proxy.answer("silence")
        page.clock.fast_forward(45_000)
        strip = page.locator("#strip")
        expect(strip).to_contain_text("No connection for")
        proxy.answer(None)
        page.clock.fast_forward(20_000)
        expect(strip).not_to_contain_text("No connection for")
    finally:
        proxy.close()


def test_an_ended_sign_in_says_so_over_the_old_board_and_goes_on_after_the_next(board: House, lenient) -> None:
    visitor = lenient(board, "triage", board.address)
    page = visitor.go("/")
    page.wait_for_selector("[data-id=I-1]")
    visitor.context.request.delete(f"{board.address}/v1/session", headers={"X-Highwater": "test"})
    page.click("[data-id=I-1] >> text=Acknowledge")
    page.wait_for_selector("#strip >> text=Sign in again; this board is old.")
    expect(page.locator("[data-id=I-1]")).to_be_visible()
    page.click("#strip button")
    page.fill("dialog #token", board.secrets["triage"])
    page.click("dialog >> button:has-text('Sign in')")
    page.wait_for_selector("#strip >> text=this board is old", state="detached")
    board.publish(desk(incident("I-6", summary="After the second sign-in")))
    page.wait_for_selector("text=After the second sign-in")


def test_old_data_is_said_whatever_the_connection_does(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "observer").go("/")
    page.wait_for_selector(".light")
    expect(page.locator(".light")).to_contain_text("Data")
