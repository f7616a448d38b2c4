"""Every view at three sizes, in both themes, for each role: no error, no foreign request, nothing too wide, nothing that axe finds."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from detectors.habit_list import Habit
from models.columns import SeriesKey
from tests.service.house import House
from tests.service.page.visitor import Visitor

GOLDEN = Path(__file__).parents[2] / "golden"
SIZES = ((390, 844), (1280, 900), (2560, 1440))
DESK = ("/", "/incident/I-1", "/traffic", "/traffic/ACME", "/calendar?month=2026-01", "/calendar/2026-01-05", "/hand-over", "/system")
USER = ("/", "/declare", "/calendar?month=2026-01", "/subscriptions", "/traffic/ACME")
VIEWS = {"triage": (*DESK, "/declare", "/subscriptions"), "observer": ("/", "/incident/I-1"), "admin": ("/system",), "user:ACME": USER}


def settled_excess(page: Page) -> int:
    """Pixels that do not fit, once the charts have followed the window; the page's own policy forbids `wait_for_function`."""
    excess: int = 0
    for _ in range(200):
        excess = max(0, page.evaluate("document.documentElement.scrollWidth - innerWidth"))
        if not excess:
            break
        page.wait_for_timeout(100)
    return excess


@pytest.mark.parametrize("role", VIEWS)
def test_every_view_stands_at_every_size_in_both_themes(board: House, visit: type[Visitor], role: str) -> None:
    visitor = visit(board, role, color_scheme="light", reduced_motion="reduce")
    findings, wide = [], []
    for path in VIEWS[role]:
        page = visitor.go(path)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            if too_wide := settled_excess(page):
                wide.append(f"{path} at {width}: {too_wide} px too wide")
        findings += visitor.axe()
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        findings += visitor.axe(["color-contrast"])  # the other theme changes colours only
        if too_wide := settled_excess(page):
            wide.append(f"{path} in the dark theme: {too_wide} px too wide")
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert not wide
    assert not findings


def test_who_is_not_signed_in_is_asked_to_sign_in_at_any_address(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, None)
    page = visitor.go("/incident/I-1")
    expect(page.locator("h1")).to_have_text("Sign in")
    assert not visitor.axe()
    page.fill("#token", board.secrets["triage"])
    page.click("#sign-in-form button")
    page.wait_for_selector("text=Figures")


def test_a_theme_is_remembered_and_local_time_stands_beside_utc(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, "triage", timezone_id="Asia/Tokyo")
    page = visitor.go("/")
    page.click("text=Settings")
    page.click("text=Theme: system")
    page.check("text=local time beside UTC")
    cards = page.locator(".cards").first
    expect(cards).to_contain_text("GMT+9")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(cards).to_contain_text("GMT+9")


def test_without_javascript_there_is_a_list_to_read(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, "triage", java_script_enabled=False)
    page = visitor.page
    page.goto(f"{board.address}/")
    page.click("text=Read the open incidents")
    page.wait_for_selector("main >> text=BOLT: a storm of messages")
    expect(page.locator("main")).to_contain_text("since 5 Jan 00:10 UTC")
    expect(page.locator("main")).to_contain_text("Data to ")
    stranger = visit(board, None, java_script_enabled=False).page
    stranger.goto(f"{board.address}/plain")
    stranger.fill("input[name=token]", board.secrets["user:ACME"])
    stranger.click("button")
    stranger.wait_for_selector("main >> text=ACME: 420 messages wait")
    stranger.wait_for_load_state()
    expect(stranger.locator("main")).not_to_contain_text("BOLT")


_BARS = """async () => {
  const { el, render } = await import("/page/core/dom.js");
  const place = document.createElement("div");
  const widths = ["30%", "70%", ""].map((width) => {
    const bar = el("i", {});
    if (width) bar.style.width = width;
    render(place, bar);
    return place.firstChild.style.width;
  });
  return [...widths, place.childNodes.length];
}"""


def test_an_element_that_stays_takes_the_style_of_the_one_that_it_stands_for(board: House, visit: type[Visitor]) -> None:
    """The page's own policy refuses style attributes; a visitor notes what it refused."""
    assert visit(board, "observer").go("/").evaluate(_BARS) == ["30%", "70%", "", 1]


_CELLS = """async () => {
  const { heatImage } = await import("/page/charts/heat_map.js");
  const image = heatImage([-1, 0, 1, null, -0.5, 0.5], 3);
  const pixels = image.getContext("2d").getImageData(0, 0, image.width, image.height).data;
  return Array.from({ length: 6 }, (_, cell) => [...pixels.slice(cell * 4, cell * 4 + 4)]);
}"""


def test_a_heat_map_is_blue_below_what_is_due_orange_above_and_empty_where_nothing_came(board: House, visit: type[Visitor]) -> None:
    less, usual, more, gap, some_less, some_more = visit(board, "observer", color_scheme="light").go("/").evaluate(_CELLS)
    assert (less, more) == ([24, 92, 176, 255], [196, 82, 0, 255])
    assert usual[3] == 255
    assert max(usual[:3]) - min(usual[:3]) < 10
    assert gap[3] == 0
    assert less[0] < some_less[0] < usual[0]
    assert usual[2] > some_more[2] > more[2]


_SHORT = "async (summaries) => { const { short } = await import('/page/parts/live_text.js'); return summaries.map(short); }"


def test_a_card_s_sentence_leaves_out_what_the_card_says_beside_it(board: House, visit: type[Visitor]) -> None:
    records = list(GOLDEN.rglob("incidents.ndjson"))
    summaries = [json.loads(line)["summary"] for path in records for line in path.read_text(encoding="utf-8").splitlines()]
    sentences = visit(board, "observer").go("/").evaluate(_SHORT, summaries)
    assert any("cause: " in summary for summary in summaries)
    assert any("other Users suffer" in summary for summary in summaries)
    assert not [one for one in sentences if not one or re.search(r"cause: | suffer(s|ed)? \(|Also: ", one)]
    assert all(summary.startswith(one[:20]) for summary, one in zip(summaries, sentences, strict=True))


_FRESH = """async (texts) => {
  const [{ fresh }, { store }] = await Promise.all([import("/page/parts/live_text.js"), import("/page/core/store.js")]);
  const queue = (queue, depth) => ({ user: "SUP.1", queue, depth, oldest_age_s: 11823, at: "2026-01-05T12:00:00Z" });
  store.queues = [queue("to_user", 1010045), queue("failed", 12)];
  return texts.map(([text, asOf]) => fresh(text, "SUP.1", asOf));
}"""


def test_waiting_messages_are_those_of_now_also_between_two_revisions(board: House, visit: type[Visitor]) -> None:
    texts = [
        "SUP.1: 654,300 messages wait in to_user since 08:33 UTC, 83.4 more a second, the oldest for 2 h 1 min. Queue full at 15:06 UTC.",
        "The test starts at 12:00 UTC, while 654,300 messages wait for SUP.1 and 20 other Users are affected.",
        "The test starts at 12:00 UTC, while 654,300 messages wait for SUP.12.",
        "SUP.1 has received nothing since 08:33 UTC (normal: 4,939 a minute).",
        "SUP.1: 654,300 messages wait in failed and to_user at 11:00 UTC (since 08:33 UTC).",
        "SUP.1: 654,300 messages wait in 3 queues since 08:33 UTC.",
        "SUP.1: 654,300 messages wait in to_user at 11:00 UTC (since 08:33 UTC), 83.4 more a second. Queue full at 15:06 UTC. It is so.",
    ]
    storm = "SUP.1: 94,030 service requests 4.1 in 5 min since 10:45 UTC (normal: 12,860)."
    page = visit(board, "observer").go("/")
    result = page.evaluate(_FRESH, [[text, "2026-01-05T11:00:00Z"] for text in texts])
    assert result == [
        "SUP.1: 1,010,045 messages wait in to_user since 08:33 UTC, the oldest for 3 h 17 min.",
        texts[1].replace("654,300", "1,010,045"),
        *texts[2:-1],
        "SUP.1: 1,010,045 messages wait in to_user (since 08:33 UTC), the oldest for 3 h 17 min. It is so.",
    ]
    assert page.evaluate(_FRESH, [[text, "2026-01-05T12:00:00Z"] for text in texts]) == texts, "the record is as new"
    (dated,) = page.evaluate(_FRESH, [[storm, "2026-01-05T11:00:00Z"]])
    assert dated == "SUP.1: 94,030 service requests 4.1 in 5 min at 11:00 UTC (since 10:45 UTC, normal: 12,860)."


def test_the_desk_reads_habits_and_refuses_one(board: House, visit: type[Visitor], monkeypatch: pytest.MonkeyPatch) -> None:
    key = SeriesKey("ACME", "to_user", "service_response", "4.1", "north", "", 900)
    monkeypatch.setattr(board.parts.engine, "habits", lambda: [Habit(key, "storm", 1320, 4, None, refused=False)], raising=False)
    page = visit(board, "triage").go("/traffic/ACME")
    page.wait_for_selector("td >> text=more messages than usual about 22:00 UTC")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("tr:has-text('22:00') >> button:has-text('Refuse')")
        page.fill("dialog textarea", "It blocks others.")
        page.click("dialog >> button:has-text('Refuse')")
    assert sent.value.url.endswith("/refuse")
    assert sent.value.post_data_json == {"note": "It blocks others."}
