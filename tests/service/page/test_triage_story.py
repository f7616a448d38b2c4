"""The triage desk's story: an alert comes, it is taken up by key, looked into, judged, closed, and written down."""

from playwright.sync_api import Page, expect

from tests.service.builders import alert, desk, incident
from tests.service.house import House
from tests.service.page.board import SUSPECT
from tests.service.page.visitor import Visitor, name_oneself


def _done(page: Page) -> None:
    """The dialog has done its work."""
    page.wait_for_selector("dialog", state="detached")


def test_from_alert_to_post_mortem(board: House, visit: type[Visitor]) -> None:
    ada, ben = visit(board, "triage"), visit(board, "triage")
    page, other = ada.go("/"), ben.go("/")
    name_oneself(page, "Ada")
    board.publish(
        desk(
            incident("I-9", suspects=(SUSPECT,), alert_ids=("A-9",), category=1, summary="ECHO is silent"),
            alert("A-9", user="ECHO", incident_id="I-9"),
        )
    )
    page.wait_for_selector("text=ECHO is silent")

    page.locator("[data-id=I-9]").focus()
    page.keyboard.press("j")
    while page.get_attribute("[aria-current=true][data-id]", "data-id") != "I-9":
        page.keyboard.press("j")
    page.keyboard.press("a")
    other.wait_for_selector("[data-id=I-9] >> text=Acknowledged by Ada")

    page.keyboard.press("n")
    page.fill("dialog textarea", "Called their operations room.")
    page.click("dialog >> text=Add note")
    _done(page)
    page.keyboard.press("t")
    page.fill("dialog input[name=reference]", "INC0012345")
    page.click("dialog >> text=Set ticket")
    _done(page)
    page.keyboard.press("z")
    page.click("dialog >> button:has-text('Snooze')")
    _done(page)
    other.wait_for_selector("[data-id=I-9] >> text=Ticket INC0012345")
    other.wait_for_selector("[data-id=I-9] >> text=Snoozed until")

    page.click("[data-id=I-9] h3 a")
    page.wait_for_selector("text=Suspected changes")
    page.click(".judge >> text=Confirm")
    page.click("dialog >> button:has-text('Confirm')")
    _done(page)
    page.wait_for_selector("text=confirmed by Ada")
    page.wait_for_selector(".timeline >> text=Ada wrote: Called their operations room.")
    text = page.locator("textarea.preformatted")
    text.fill(text.input_value() + "\nLesson: ask sooner.\n")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=Saved by Ada")
    kept = board.client("triage").get("/v1/triage/incidents", params={"id": "I-9"}).json()[0]["state"]
    assert "Lesson: ask sooner." in kept["post_mortem"]["markdown"]
    page.keyboard.press("Escape")
    page.locator("main").focus()
    page.keyboard.press("x")
    page.click("dialog >> text=Close incident")
    other.wait_for_selector("section >> [data-id=I-9] >> text=Closed by Ada")


def test_a_card_changes_in_place_so_that_focus_details_and_scroll_survive(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "triage", viewport={"width": 800, "height": 500}).go("/")
    card = page.locator("[data-id=I-1]")
    expect(card.locator(".actions ~ .facts")).to_have_count(1)  # the buttons stand above the facts: a phone shows them first
    card.locator("summary", has_text="other Users").click()
    card.locator("button", has_text="Note").focus()
    page.evaluate("scrollTo(0, 120)")
    page.evaluate("document.querySelector('[data-id=I-1]').mine = true")
    board.publish(
        desk(
            incident(
                "I-1",
                revision=2,
                suspects=(SUSPECT,),
                affected_users=("BOLT", "CRUX", "DOVE", "ECHO", "FAWN"),
                summary="ACME: 900 messages wait",
                next_step="Ask ACME's operations room.",
            )
        )
    )
    page.wait_for_selector("text=ACME: 900 messages wait")
    assert page.evaluate("document.querySelector('[data-id=I-1]').mine")
    expect(card.locator("details", has_text="5 other Users")).to_have_attribute("open", "")
    expect(card.locator("button", has_text="Note")).to_be_focused()
    assert page.evaluate("scrollY") == 120


def test_an_incident_merged_into_one_that_is_over_is_on_the_list_again(board: House, visit: type[Visitor]) -> None:
    into = incident("M-2", alert_ids=("M-b",), summary="DOVE is silent")
    board.publish(desk(incident("M-1", alert_ids=("M-a",), summary="ECHO is silent"), into))
    board.client("triage").post("/v1/incidents/M-1/merge", json={"into": "M-2"}).raise_for_status()
    page = visit(board, "triage").go("/")
    listed, below = page.locator(".cards").first, page.locator(".cards").last
    expect(below.locator("[data-id=M-1]")).to_contain_text("Merged into M-2")
    listed.locator("[data-id=M-2] summary", has_text="More").click()
    listed.locator("[data-id=M-2] button", has_text="Close").click()
    expect(page.locator("dialog")).to_contain_text("M-1 is merged into it and will leave the list too.")
    page.keyboard.press("Escape")
    board.publish(desk(incident("M-2", revision=2, status="resolved", resolved_at="2026-01-05T00:40:00Z", summary="DOVE is back")))
    expect(listed.locator("[data-id=M-1]")).to_contain_text("Merged into M-2, which is over. This one is not.")


def test_the_question_mark_lists_the_keys(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "triage").go("/")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("acknowledge")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_selector("h1:has-text('Hand-over')")
