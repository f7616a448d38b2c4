"""What leaves the page or meets it from outside: print and copy, changed subscriptions, wrong addresses, an upgrade."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.service.builders import change_json
from tests.service.house import House
from tests.service.page.visitor import Visitor

_INDEX = (Path(__file__).parents[3] / "service" / "page" / "index.html").read_bytes()
_NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"


def _pasted(page: Page) -> Locator:
    """A text area into which a person pastes."""
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))")
    page.focus("#paste")
    page.keyboard.press("Control+V")
    return page.locator("#paste")


@pytest.mark.parametrize("way", ["clipboard", "without HTTPS"])
def test_the_hand_over_is_copied_and_printed_as_it_was_edited(board: House, visit: type[Visitor], way: str) -> None:
    visitor = visit(board, "triage")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if way != "clipboard":
        visitor.page.add_init_script(_NO_CLIPBOARD)
    page = visitor.go("/hand-over")
    text = page.get_by_label("Hand-over as text")
    expect(text).to_have_value(re.compile("# Hand-over, since"))
    text.fill("Tell the DCC.\n" * 60)
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#messages")).to_contain_text("Copied.")
    expect(_pasted(page)).to_have_value("Tell the DCC.\n" * 60)
    page.emulate_media(media="print")
    expect(text).to_be_hidden()
    expect(page.locator("pre.print-only")).to_be_visible()
    expect(page.locator("pre.print-only")).to_have_text("Tell the DCC.\n" * 60, use_inner_text=False)


def test_a_subscription_is_edited_by_mouse_and_by_keys(board: House, visit: type[Visitor]) -> None:
    wishes = {"quiet_hours": {"starts": "22:00", "ends": "06:00", "zone": "Europe/London"}}
    made = {"name": "Night desk", "channel": "webhook", "target": "https://hooks.invalid/a", "wishes": wishes}
    board.client("user:BOLT").post("/v1/subscriptions", json=made).raise_for_status()
    page = visit(board, "user:BOLT").go("/subscriptions")
    card = page.locator("article", has_text="Night desk")
    card.get_by_role("button", name="Edit").click()
    page.fill("dialog input[name=digest]", "15")
    page.get_by_label("Quiet until").fill("07:30")
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("22:00 to 07:30")
    expect(card).to_contain_text("one message every 15 minutes")
    card.get_by_role("button", name="Edit").focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog input[name=name]")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Day desk")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("article", has_text="Day desk")).to_contain_text("22:00 to 07:30 Europe/London")
    (kept,) = board.client("user:BOLT").get("/v1/subscriptions").json()["items"]
    assert (kept["name"], kept["target"], kept["wishes"]["digest_s"]) == ("Day desk", "https://hooks.invalid/a", 900)


def test_a_browser_at_a_wrong_address_reads_so_in_words_and_a_program_gets_the_problem(board: House, visit: type[Visitor]) -> None:
    client = board.client("triage")
    wrong = client.get("/nowhere/at/all", headers={"accept": "text/html,*/*;q=0.8"})
    assert (wrong.status_code, wrong.content) == (404, _INDEX)
    for path, accept in (("/nowhere", "*/*"), ("/v1/nowhere", "text/html"), ("/page/nowhere.js", "text/html")):
        answer = client.get(path, headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    page = visit(board, "triage").go("/hand-over")
    for address in ("/nowhere", "/traffic/%E0%A4%A"):
        page.evaluate("address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }", address)
        expect(page.locator("main h1")).to_have_text("There is no such page" if address == "/nowhere" else re.compile("%E0"))


def test_an_open_page_says_that_it_is_older_than_the_monitor(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, "triage")
    page = visitor.go("/system")

    def upgraded(route: Route) -> None:
        status = route.fetch().json()
        route.fulfill(body=json.dumps(status | {"page": "another"}), content_type="application/json")

    expect(page.locator("#strip")).not_to_contain_text("upgraded")
    page.route("**/v1/status", upgraded)
    expect(page.locator("#strip")).to_contain_text("Highwater was upgraded")
    page.unroute("**/v1/status")
    page.get_by_role("button", name="Load the new page").click()
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("#strip")).not_to_contain_text("upgraded")


def test_a_crowded_night_shows_changes_in_conflict_first_and_all_on_demand(board: House, visit: type[Visitor]) -> None:
    at = {"planned_start": "2026-09-09T22:00:00Z", "planned_end": "2026-09-09T23:00:00Z"}
    late = {"planned_start": "2026-09-10T01:00:00Z", "planned_end": "2026-09-10T02:00:00Z"}
    quiet = [change_json(f"Q-{number}", "DCC", disruption="none", **at) for number in range(70)]
    clash = [change_json(f"K-{number}", "DCC", disruption="outage", **late) for number in range(2)]
    board.client("triage").post("/v1/changes", json=[*quiet, *clash]).raise_for_status()
    page = visit(board, "triage").go("/calendar/2026-09-09")
    expect(page.locator("main")).to_contain_text("60 of 72 changes")
    expect(page.locator("g.connection")).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("main")).to_contain_text("All 72 changes")
