"""A User's story: it declares a change on a phone, sees what collides, hears whether it is it or the network, and contests a report."""

import json
import re
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Route, expect

from tests.service.builders import alert, change_json, own
from tests.service.house import House
from tests.service.page.board import MARKUP, OTHER_PARTY, post_traffic
from tests.service.page.visitor import Visitor

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_declaring_takes_six_inputs_and_says_what_collides(board: House, visit: type[Visitor]) -> None:
    test = change_json(
        "D-9", "DCC", title="Recovery test", category="bcdr_test", planned_start="2027-02-03T00:00:00Z", planned_end="2027-02-03T06:00:00Z"
    )
    board.client("triage").post("/v1/changes", json=test).raise_for_status()
    page = visit(board, "user:ACME", timezone_id="Europe/London", **PHONE).go("/declare")
    names = page.eval_on_selector_all("form [name]", "found => [...new Set(found.map((one) => one.name))]")
    assert len(names) <= 6
    page.fill("input[name=title]", "Replace the perimeter firewall")
    page.fill("input[name=start]", "2027-02-03T01:00")
    page.fill("input[name=end]", "2027-02-03T03:00")
    page.wait_for_selector(".conflict >> text=D-9")
    page.check("input[value=public_summary]")
    page.click("button:has-text('Declare')")
    page.wait_for_selector("td >> text=Replace the perimeter firewall")
    answer = [one for one in board.client("user:ACME").get("/v1/changes").json()["items"] if one["title"].startswith("Replace")]
    assert [(one["owner"], one["planned_start"], one["visibility"]) for one in answer] == [
        ("ACME", "2027-02-03T01:00:00Z", "public_summary")
    ]


def expect_sentence(page: Page, text: str) -> None:
    """The page comes to say this first of the User."""
    expect(page.locator(".sentence")).to_have_text(re.compile(rf"\s*{re.escape(text)}"))


def test_my_company_says_in_one_sentence_whether_it_is_me(board: House, visit: type[Visitor]) -> None:
    acme, bolt = visit(board, "user:ACME").go("/"), visit(board, "user:BOLT").go("/")
    expect_sentence(acme, "It looks like it is you: your change C-1 is the probable cause.")
    expect_sentence(bolt, "It looks like it is not you: another party's change is the probable cause.")
    over = {"revision": 2, "status": "resolved", "resolved_at": "2026-01-05T01:00:00Z"}
    board.publish(own("BOLT", alert("B-1", user="BOLT", incident_id=None, suspects=(OTHER_PARTY,), **over)))
    post_traffic(board, minutes=2)  # data that is old would not say that all is as usual
    expect_sentence(bolt, "Your traffic is as usual.")


def reach(page: Page, target: Locator) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    expect(target).to_be_visible()
    for _ in range(100):
        page.keyboard.press("Tab")
        if target.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach {target}")


def test_a_user_declares_and_contests_by_keys_alone_and_the_desk_sees_it(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "user:ACME").go("/")
    page.keyboard.press("g")
    page.keyboard.press("d")
    reach(page, page.locator("input[name=title]"))
    page.keyboard.type("New tariff tables")
    page.keyboard.press("Enter")
    expect(page.locator("tr", has_text="New tariff tables")).to_contain_text("declared")
    reach(page, page.locator("tr", has_text="C-0").locator("button"))
    page.keyboard.press("Enter")
    page.keyboard.type("It was called off.")
    reach(page, page.locator("dialog button", has_text="Contest"))
    page.keyboard.press("Enter")
    page.wait_for_selector("tr:has-text('C-0') >> text=contested by user:ACME of the tests")
    desk = visit(board, "triage").go("/calendar?month=2026-01")
    desk.wait_for_selector("tr:has-text('C-0') >> text=contested by")
    shown = board.client("triage").get("/v1/change-reports/ACME/C-0").json()
    assert shown["contested"]["reason"] == "It was called off."
    assert board.client("user:BOLT").post("/v1/change-reports/ACME/C-0/contest", json={"reason": "x"}).status_code == 404
    withdrawn = board.client("user:ACME").delete("/v1/change-reports/ACME/C-0/contest").json()
    assert withdrawn.get("contested") is None


OTHERS = ("BOLT", "secret work", "storm of messages")
OF_DESK = ("/incident/I-2", "/hand-over", "/system")


def test_a_user_reads_no_word_of_another_on_the_page_or_in_its_answers_and_markup_stays_text(board: House, visit: type[Visitor]) -> None:
    acme, answers = visit(board, "user:ACME"), list[tuple[str, str]]()

    def note(route: Route) -> None:
        answer = route.fetch()
        answers.append((route.request.url, answer.text()))
        route.fulfill(response=answer)

    acme.page.route(re.compile("/v1/(?!stream)"), note)
    for path in ("/", "/declare", "/subscriptions", "/traffic", "/calendar?month=2026-01", "/calendar/2026-01-05", *OF_DESK):
        page = acme.go(path)
        page.wait_for_load_state("load")
        if path in OF_DESK:
            expect(page.locator("main")).to_contain_text("This view is for the DCC's desk")
        expect(page.locator("#strip")).to_contain_text("open alert")
        for word in OTHERS:
            expect(page.locator("body")).not_to_contain_text(word)
    read = {urlsplit(address).path for address, _ in answers}
    assert read >= {"/v1/alerts", "/v1/calendar", "/v1/change-reports", "/v1/series/totals", "/v1/status"}
    assert not [(address, word) for address, text in answers for word in OTHERS if word in text]
    acme.page.unroute_all(behavior="ignoreErrors")
    page = acme.go("/traffic/BOLT")
    expect(page.locator("main")).to_contain_text("Nothing was reported in this span.")
    acme.faults.clear()  # another's traffic is answered 403 and 404: that is what was asked for
    page = acme.go("/calendar/2026-01-05")
    page.wait_for_selector("td:visible:has-text('<b>bold</b>')")
    assert page.evaluate("document.body.dataset.owned") is None
    expect(page.locator("main")).to_contain_text(MARKUP)
    expect(page.locator("main img")).to_have_count(0)


def test_subscriptions_are_made_paused_and_removed_and_failing_ones_are_marked(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "user:ACME").go("/subscriptions")
    page.click("button:has-text('Subscribe')")
    page.fill("dialog input[name=name]", "Operations")
    page.fill("dialog input[name=target]", "https://hooks.invalid/highwater")
    page.fill("dialog input[name=starts]", "22:00")
    page.fill("dialog input[name=ends]", "06:00")
    page.click("dialog >> button:has-text('Subscribe')")
    page.wait_for_selector("dialog >> text=whsec_")
    page.click("dialog >> text=Close")
    card = page.locator("article", has_text="Operations")
    card.locator("text=22:00 to 06:00").wait_for()
    failed = {"items": [{"at": "2026-01-05T00:00:00Z", "outcome": "failed", "status": 503, "error": None, "type": ""}], "next": None}
    page.route("**/deliveries?limit=5", lambda route: route.fulfill(body=json.dumps(failed), content_type="application/json"))
    page.reload()
    expect(card).to_contain_text("▲ failing")
    card.locator("text=Pause").click()
    card.locator("text=paused by").wait_for()
    (kept,) = board.client("user:ACME").get("/v1/subscriptions").json()["items"]
    assert (kept["name"], kept["paused_reason"].startswith("paused by")) == ("Operations", True)
    card.locator("text=Remove").click()
    page.click("dialog >> button:has-text('Remove')")
    page.wait_for_selector("text=Nobody is notified yet.")
    assert board.client("user:ACME").get("/v1/subscriptions").json()["items"] == []
