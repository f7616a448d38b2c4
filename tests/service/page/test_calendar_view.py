"""The calendar of a month with more changes than anybody reads: filters, search, and the rest on demand."""

from tests.service.builders import change_json
from tests.service.house import House
from tests.service.page.visitor import Visitor


def test_a_full_month_is_filtered_searched_and_read_on(board: House, visit: type[Visitor]) -> None:
    span = {"planned_start": "2026-03-05T00:00:00Z", "planned_end": "2026-03-05T01:00:00Z", "services": ["4.1"]}
    many = [change_json(f"M-{number:03}", title=f"Work {number}", category="firmware", **span) for number in range(250)]
    board.client("user:ACME").post("/v1/changes", json=many).raise_for_status()
    board.client("user:BOLT").post("/v1/changes", json=[change_json("B-7", "BOLT", title="Tariff change", **span)]).raise_for_status()
    page = visit(board, "triage").go("/calendar?month=2026-03")
    rows = page.locator("tbody tr")
    page.wait_for_selector("text=Show 51 more of 251")
    assert rows.count() == 200
    page.click("text=Show 51 more of 251")
    page.wait_for_selector("tr:has-text('B-7')")
    assert rows.count() == 251
    page.fill("input[aria-label='Only this owner']", "BOLT")
    page.wait_for_selector("tr:has-text('M-001')", state="detached")
    assert rows.count() == 1
    page.fill("input[aria-label='Only this owner']", "")
    page.select_option("select[aria-label='Only this kind of change']", "firmware")
    page.fill("input[aria-label='Search changes']", "m-24")
    page.wait_for_selector("tr:has-text('M-001')", state="detached")
    page.wait_for_selector("tr:has-text('M-249')")
    assert rows.count() == 10
    assert page.url.endswith("?month=2026-03&category=firmware&q=m-24")
    page.reload()
    page.wait_for_selector("tr:has-text('M-249')")
    assert rows.count() == 10
