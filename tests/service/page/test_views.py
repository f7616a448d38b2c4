"""Every view at three sizes, in both themes, for each role: no error, no foreign request, nothing too wide, nothing serious for axe."""

import pytest
from playwright.sync_api import TimeoutError as TooLate

from tests.service.house import House
from tests.service.page.visitor import RULES, Visitor

SIZES = ((390, 844), (1280, 900), (2560, 1440))
DESK = ("/", "/incident/I-1", "/traffic", "/traffic/ACME", "/calendar?month=2026-01", "/calendar/2026-01-05", "/hand-over", "/system")
USER = ("/", "/declare", "/calendar?month=2026-01", "/subscriptions", "/traffic/ACME")
VIEWS = {"triage": (*DESK, "/declare", "/subscriptions"), "observer": ("/", "/incident/I-1"), "admin": ("/system",), "user:ACME": USER}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", VIEWS)
def test_every_view_stands_at_every_size(board: House, visit: type[Visitor], role: str, theme: str) -> None:
    visitor = visit(board, role, color_scheme=theme, reduced_motion="reduce")
    findings, wide = [], []
    for path in VIEWS[role]:
        page = visitor.go(path)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            try:  # charts follow the window once the browser has had time
                page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
            except TooLate:
                wide.append(f"{path} at {width}: {page.evaluate('document.documentElement.scrollWidth - innerWidth')} px too wide")
        findings += visitor.axe(RULES if theme == "light" else ["color-contrast"])  # the other theme changes colours only
    assert not wide
    assert not findings


def test_who_is_not_signed_in_is_asked_to_sign_in_at_any_address(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, None)
    page = visitor.go("/incident/I-1")
    assert page.inner_text("h1") == "Sign in"
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
    assert "GMT+9" in page.inner_text(".cards >> nth=0")
    page.reload()
    page.wait_for_selector("main h1")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert "GMT+9" in page.inner_text(".cards >> nth=0")


def test_without_javascript_there_is_a_list_to_read(board: House, visit: type[Visitor]) -> None:
    visitor = visit(board, "triage", java_script_enabled=False)
    page = visitor.page
    page.goto(f"{board.address}/")
    page.click("text=Read the open incidents")
    assert "BOLT: a storm of messages" in page.inner_text("main")
    stranger = visit(board, None, java_script_enabled=False).page
    stranger.goto(f"{board.address}/plain")
    stranger.fill("input[name=token]", board.secrets["user:ACME"])
    stranger.click("button")
    assert "ACME: 420 messages wait" in stranger.inner_text("main")
    assert "BOLT" not in stranger.inner_text("main")


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
