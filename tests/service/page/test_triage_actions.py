"""Everything that the desk can do with an incident, by mouse and by key; a second browser shows it at once with the person's name."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from tests.service.builders import alert, desk, incident
from tests.service.house import House
from tests.service.page.board import SUSPECT
from tests.service.page.visitor import Visitor, name_oneself

KEYS = {
    "Acknowledge": "a",
    "Take acknowledgement back": "u",
    "Snooze": "z",
    "Assign": "i",
    "Note": "n",
    "Ticket": "t",
    "Confirm suspect": "c",
    "Refute suspect": "r",
    "Merge": "m",
    "Take merge back": "M",
    "Split": "p",
    "Close": "x",
    "Reopen": "o",
}


@dataclass(frozen=True)
class Hand:
    """A person who works on one incident's card, with the mouse or with the keys, and a second browser that watches it."""

    page: Page
    other: Page
    id: str
    by_key: bool

    def do(self, action: str, fields: dict[str, str] | None = None, verb: str = "") -> None:
        """Begin an action; where it asks for something, fill the fields in and press Enter or the button."""
        if self.by_key:
            self.page.keyboard.press(KEYS[action])
        else:
            self._click(action)
        if fields is None:
            return
        for selector, value in fields.items():
            target = self.page.locator(f"dialog {selector}")
            if selector.startswith("select"):
                target.select_option(value)
            elif value == "checked":
                target.check()
            else:
                target.fill(value)
        button = self.page.locator("dialog button.primary", has_text=verb)
        button.press("Enter") if self.by_key else button.click()
        self.page.wait_for_selector("dialog", state="detached")

    def _click(self, action: str) -> None:
        card = self.page.locator(f"[data-id={self.id}]")
        button = card.locator("button").get_by_text(action, exact=True)
        if not button.is_visible():
            card.locator(".menu > summary").click()
        button.click()

    def seen(self, text: str, *, on: str | None = None) -> None:
        """The second browser shows it on the card."""
        self.other.wait_for_selector(f"[data-id={on or self.id}] >> text={text}")

    def not_seen(self, text: str, *, on: str | None = None) -> None:
        self.other.wait_for_selector(f"[data-id={on or self.id}] >> text={text}", state="detached")


@pytest.fixture(scope="module")
def pages(browser: Browser, board: House) -> Iterator[tuple[Page, Page]]:
    """Ada's browser, and another one that watches."""
    visitors = [Visitor(browser, board, "triage") for _ in range(2)]
    page, other = (visitor.go("/") for visitor in visitors)
    name_oneself(page, "Ada")
    yield page, other
    for visitor in visitors:
        visitor.context.close()
    assert not [fault for visitor in visitors for fault in visitor.faults]


@pytest.fixture(scope="module", params=["mouse", "keys"])
def hand(board: House, pages: tuple[Page, Page], request: pytest.FixtureRequest) -> Hand:
    """Two incidents of its own: the first with two alerts and a suspect."""
    name = request.param
    first, second = f"{name}-1", f"{name}-2"
    suspects = (SUSPECT,)
    board.publish(
        desk(
            incident(first, suspects=suspects, alert_ids=(f"{name}-a", f"{name}-b"), summary="ECHO is silent"),
            incident(second, alert_ids=(f"{name}-c",), summary="DOVE is silent"),
            alert(f"{name}-a", user="ECHO", incident_id=first),
            alert(f"{name}-b", user="DOVE", kind="storm", incident_id=first),
            alert(f"{name}-c", user="DOVE", incident_id=second),
        )
    )
    page, other = pages
    page.wait_for_selector(f"[data-id={first}]")
    while name == "keys" and not page.locator(f"[data-id={first}][aria-current]").count():
        page.keyboard.press("j")
    return Hand(page, other, first, by_key=name == "keys")


def test_whoever_takes_it_up_is_named_at_once_in_every_browser(hand: Hand, board: House) -> None:
    hand.do("Acknowledge")
    hand.seen("Acknowledged by Ada")
    hand.do("Snooze", {"select[name=minutes]": "240"}, "Snooze")
    hand.seen("Snoozed until")
    hand.do("Snooze", {"input[name=until]": "2030-01-02T03:04"}, "Snooze")
    hand.seen("Snoozed until 2 Jan 03:04 UTC")
    hand.do("Assign", {"input[name=to]": "network team"}, "Assign")
    hand.seen("Assigned to network team")
    hand.do("Note", {"textarea": "Called their operations room."}, "Add note")
    hand.seen("1 note")
    hand.do("Ticket", {"input[name=reference]": "INC0012345"}, "Set ticket")
    hand.seen("Ticket INC0012345")
    hand.do("Refute suspect", {}, "Refute")
    hand.seen("C-1 refuted by Ada")
    hand.do("Confirm suspect", {"textarea": "They said so."}, "Confirm")
    hand.seen("C-1 confirmed by Ada")
    hand.do("Take acknowledgement back")
    hand.not_seen("Acknowledged by Ada")
    (state,) = (one["state"] for one in board.client("triage").get("/v1/triage/incidents", params={"id": hand.id}).json())
    assert (state["acknowledged"], state["assigned_to"], state["ticket"]) == (None, "network team", "INC0012345")
    assert [(one["change_id"], one["verdict"], one["by"]) for one in state["suspects"]] == [("C-1", "confirmed", "Ada")]
    assert [note["text"] for note in state["notes"]] == ["Called their operations room.", "They said so."]


def test_alerts_are_split_off_and_incidents_merged_closed_and_brought_back(hand: Hand, board: House) -> None:
    other_id = hand.id.replace("1", "2")
    box = f"input[name='alert:{hand.id.removesuffix('-1')}-b']"
    hand.do("Split", {box: "checked", "select[name=to]": other_id}, "Split off")
    hand.seen("1 alert split off")
    hand.seen("1 alert added", on=other_id)
    hand.do("Merge", {"select[name=into]": other_id}, "Merge")
    hand.seen(f"Merged into this one: {hand.id}", on=other_id)
    hand.seen(f"Merged into {other_id}")
    hand.do("Take merge back")
    hand.not_seen("Merged into this one", on=other_id)
    hand.do("Close", {"textarea": "It was a test."}, "Close incident")
    hand.seen("Closed by Ada")
    hand.do("Reopen")
    hand.not_seen("Closed by Ada")
    (state,) = (one["state"] for one in board.client("triage").get("/v1/triage/incidents", params={"id": hand.id}).json())
    assert (state["closed"], state["merged_into"], state["alerts_split_off"]) == (None, None, [f"{hand.id.removesuffix('-1')}-b"])
