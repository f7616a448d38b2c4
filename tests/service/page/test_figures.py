"""Figures: dragging zooms to single windows, gaps stay gaps, others serve as controls, and each figure stands as a table too."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Request, expect

from models.alert import AlertSeries
from models.times import instant, parse_time
from tests.service.builders import alert, desk, incident
from tests.service.house import House
from tests.service.page.visitor import Visitor

_WITH_A_GAP = """async () => {
  const { readTotals } = await import("/page/charts/series_data.js");
  const line = await readTotals("ACME", 0, 600000);
  return [line.at, line.mean, line.expected];
}"""


def _span_s(request: Request) -> float:
    asked = parse_qs(urlsplit(request.url).query)
    return (parse_time(asked["to"][0]) - parse_time(asked["from"][0])) / 1e6


def _drag(page: Page, figure: str, first: float, last: float) -> None:
    """Across a figure, from and to shares of its width."""
    over = page.locator("figure", has_text=figure).locator(".u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + first * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + last * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()


def test_dragging_across_a_figure_zooms_to_single_windows_and_back_and_keys_do_it_too(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "triage").go("/traffic/ACME")
    page.wait_for_selector(".uplot")
    with (
        page.expect_request(lambda one: "/v1/series/totals" in one.url and _span_s(one) < 4000) as zoomed,
        page.expect_response("**/totals*"),
    ):
        _drag(page, "Messages to the DSP", 0.96, 0.99)
    answer = zoomed.value.response()
    assert answer is not None
    assert answer.json()["resolution_s"] == 60
    page.click("text=Whole span")
    page.wait_for_selector("text=Drag across a chart")
    with page.expect_request(lambda one: "/v1/series/totals" in one.url and _span_s(one) < 44_000):
        page.get_by_role("button", name="Zoom in").press("Enter")
    with page.expect_request(lambda one: "/v1/series/totals" in one.url and _span_s(one) < 44_000):
        page.get_by_role("button", name="Later").press("Enter")


def test_a_gap_in_the_reports_is_a_gap_in_the_line(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "observer").go("/")
    points = [[f"2026-01-05T00:0{minute}:00Z", 1, 3, 2, 0, 4] for minute in (1, 2, 8, 9)]
    columns = ["at", "low", "high", "mean", "failures", "expected"]
    answer = {"from": None, "to": None, "resolution_s": 60, "series": 1, "columns": columns, "points": points}
    page.route("**/v1/series/totals*", lambda route: route.fulfill(body=json.dumps(answer), content_type="application/json"))
    at, mean, expected = page.evaluate(_WITH_A_GAP)
    assert mean == [2, 2, None, 2, 2]
    assert expected == [4, 4, None, 4, 4]
    assert [(one - at[0]) // 60_000 for one in at] == [0, 1, 2, 7, 8]


def test_an_incident_stands_beside_users_without_trouble_and_each_figure_as_a_table(board: House, visit: type[Visitor]) -> None:
    began = instant(board.parts.clock.wall_us() - 30 * 60_000_000)
    board.publish(desk(incident("I-5", kinds=("storm",), origin_user="BOLT", opened_at=began, alert_ids=("A-5",), summary="BOLT: a storm")))
    page = visit(board, "triage").go("/incident/I-5")
    page.wait_for_selector("figure:has-text('Messages a minute') .uplot")
    page.click("text=Compare with Users without trouble")
    page.wait_for_selector("figcaption:has-text('Against Users without trouble (ACME)')")
    rate = page.locator("figure", has_text="Messages a minute")
    rate.locator("summary").click()
    expect(rate.locator("th").nth(1)).to_have_text("BOLT: messages, lowest")
    assert rate.locator("th").all_inner_texts()[:3] == ["Until", "BOLT: messages, lowest", "highest"]
    highest = [int(text.replace(",", "")) for text in rate.locator("tbody tr td:nth-child(3)").all_inner_texts() if text != "–"]
    assert max(highest) == 1500, "500 to the DSP and 1,000 to the User"
    lanes = page.locator("figure", has_text="Changes")
    lanes.locator("summary").click()
    expect(lanes.locator("th")).to_have_text(["Whose", "From", "To", "What"])


def test_an_open_storm_says_what_its_user_sends_now(board: House, visit: type[Visitor]) -> None:
    page = visit(board, "triage").go("/")
    page.wait_for_selector("[data-id=I-2] dt >> text=Rate now")
    expect(page.locator("[data-id=I-2] dd", has_text="a minute in all")).to_contain_text("1,500 messages a minute in all, at ")


_TURNS = """async () => {
  const { inTurn } = await import("/page/charts/series_data.js");
  const turns = (count) => [0, 6, 12, 18].map((place) => inTurn(Array.from({ length: count }, (_, index) => index), place, 6));
  return [turns(3), turns(6), turns(8)];
}"""


def test_of_many_open_storms_each_is_asked_for_its_rate_in_turn(board: House, visit: type[Visitor]) -> None:
    few, six, eight = visit(board, "observer").go("/").evaluate(_TURNS)
    assert few == [[0, 1, 2]] * 4
    assert six == [[0, 1, 2, 3, 4, 5]] * 4
    assert eight == [[0, 1, 2, 3, 4, 5], [6, 7, 0, 1, 2, 3], [4, 5, 6, 7, 0, 1], [2, 3, 4, 5, 6, 7]]


def test_two_storms_of_one_user_each_say_which_part_of_its_traffic_they_count(board: House, visit: type[Visitor]) -> None:
    part = AlertSeries(user="BOLT", direction="to_user", message_class="service_response", service="4.8.1", region="north")
    storm = alert("A-6", user="BOLT", kind="storm", incident_id="I-6", series=part)
    board.publish(desk(incident("I-6", kinds=("storm",), origin_user="BOLT", alert_ids=("A-6",), summary="BOLT: a storm"), storm))
    visitor = visit(board, "triage")
    columns = ["at", "low", "high", "mean", "failures", "expected"]
    points = [["2026-01-05T00:01:00Z", 70, 70, 70, 0, 9]]
    answer = json.dumps({"from": None, "to": None, "resolution_s": 60, "series": 1, "columns": columns, "points": points})
    asked = re.compile("/v1/series/totals.*service=4.8.1&region=north")
    visitor.page.route(asked, lambda route: route.fulfill(body=answer, content_type="application/json"))
    page = visitor.go("/")
    state = re.compile(r"\s*70 service responses a minute of service 4\.8\.1 in region north, at ")
    expect(page.locator("[data-id=I-6] dd", has_text="a minute")).to_have_text(state)
    expect(page.locator("[data-id=I-2] dd", has_text="a minute")).to_contain_text("1,500 messages a minute in all, at ")
