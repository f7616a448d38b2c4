"""Every query of every panel and variable, asked of a real Prometheus that watched a real monitor through a simulated day."""

import json
import re
import subprocess
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from config.grafana.preview.answers import Sources, cells, items, selected
from tests.dashboards.boards import BOARDS, filled_in, listings, targets
from tests.dashboards.conftest import AUTHORIZED, Watched
from tests.dashboards.servers import TOKEN, asked, needs, query

ABSENT = re.compile(r"kafka_|alertmanager_pushes")
"""No worker, and no Alertmanager, takes part in this day."""
RARE = ("age_limit_eta", "drain_eta", "< 0.75")
"""What this small day may bring or not."""


def samples(watched: Watched, expr: str) -> list[Any]:
    """Also of what a panel asks for now only: what is now in a day that is over may have been at any moment of it."""
    span = {"start": str(watched.began_s), "end": str(watched.ended_s), "step": "0.5"}
    values: list[Any] = query(watched.prometheus, "query_range", query=expr, **span)["result"]
    return values


@pytest.mark.parametrize(
    ("name", "title", "target"), list(targets()), ids=lambda value: value if isinstance(value, str) else value["refId"]
)
def test_a_panel_has_data_where_the_day_has_some(watched: Watched, name: str, title: str, target: dict[str, Any]) -> None:
    expr = filled_in(target["expr"], BOARDS[name], "5s", "60s")
    values = samples(watched, expr)
    if any(rare in expr for rare in RARE):
        return
    assert bool(values) == (ABSENT.search(expr) is None), expr
    legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    assert all(legend <= set(series["metric"]) for series in values), f"{target['legendFormat']} names labels that the answer lacks"


@pytest.fixture(scope="module")
def in_hand(watched: Watched) -> Watched:
    """What people did, so that there is something to list of it."""
    for subject, key in (("alerts", "alert_id"), ("incidents", "incident_id")):
        first = json.loads(asked(f"{watched.monitor}/v1/{subject}?limit=1", headers=AUTHORIZED))["items"][0][key]
        asked(f"{watched.monitor}/v1/{subject}/{first}/acknowledge", headers={**AUTHORIZED, "Content-Type": "application/json"}, body=b"{}")
    return watched


SELDOM = {"expected.effect", "contact", "state.assigned_to", "state.ticket", "state.escalated_at", "state.snoozed_until"}
"""What this day, or the one thing that people did in it, leaves empty; the field itself is always there."""


@pytest.mark.parametrize(
    ("name", "title", "target"), list(listings()), ids=lambda value: value if isinstance(value, str) else value["refId"]
)
def test_a_listing_has_rows_and_every_column_is_there_in_the_api_s_answer(
    in_hand: Watched, name: str, title: str, target: dict[str, Any]
) -> None:
    # The day is over: nothing is open any more, and the same list without that condition has the same fields.
    over = {**target, "url": target["url"].replace("status=active&", "")}
    result = items(Sources(in_hand.prometheus, in_hand.monitor, TOKEN), over)
    assert result, f"{name}: {title} lists nothing"
    table = cells(target, result)
    for index, column in enumerate(target["columns"]):
        parent, _, last = column["selector"].rpartition(".")
        if "silences" in parent:
            assert all("silences" in item["state"] for item in result)
        elif column["selector"] in SELDOM and last:
            assert any(parent_of is None or last in parent_of for parent_of in (selected(item, parent) for item in result)), column
        else:
            assert any(row[index] is not None for row in table), f"{column['selector']} is nowhere in {title}"
    json.loads(asked(in_hand.monitor + target["url"], headers=AUTHORIZED))


def test_a_column_that_the_api_does_not_know_is_noticed() -> None:
    assert cells({"columns": [{"selector": "suspects.0.nothing"}]}, [{"suspects": [{"owner": "A"}]}]) == [[None]]
    assert selected({"suspects": [{"owner": "A"}, {"owner": "B"}]}, "suspects.1.owner") == "B"
    assert selected({"affected_users": ["A", "B"]}, "affected_users.#") == 2
    assert selected([1, 2], "") == [1, 2]


@pytest.mark.parametrize("name", BOARDS)
def test_a_variable_offers_what_there_is_to_choose(watched: Watched, name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            asked_for = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert asked_for is not None
            limits = {"start": str(watched.began_s), "end": str(watched.ended_s)}
            assert query(watched.prometheus, f"label/{asked_for[2]}/values", **{"match[]": asked_for[1]}, **limits)


@pytest.mark.parametrize("name", BOARDS)
def test_change_windows_are_there_to_be_drawn(watched: Watched, name: str) -> None:
    annotation = BOARDS[name]["annotations"]["list"][0]
    values = samples(watched, annotation["expr"])
    assert values
    assert set(annotation["tagKeys"].split(",")) <= set(values[0]["metric"])


def test_failures_are_reported_by_the_side_that_their_codes_point_to(watched: Watched) -> None:
    values = samples(watched, "sum by (family) (highwater_failures_total) > 0")
    assert {series["metric"]["family"] for series in values} & {"user_side", "device_side"}


def test_every_rule_was_evaluated_and_the_watchdog_fires(watched: Watched) -> None:
    rules = [rule for group in query(watched.prometheus, "rules")["groups"] for rule in group["rules"]]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    firing = {alert["labels"]["alertname"] for alert in query(watched.prometheus, "alerts")["alerts"] if alert["state"] == "firing"}
    assert "HighwaterWatchdog" in firing


def test_the_metrics_are_what_promtool_likes(watched: Watched) -> None:
    text = asked(f"{watched.monitor}/metrics", headers=AUTHORIZED)
    checked = subprocess.run([needs("promtool"), "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_an_exemplar_leads_from_the_detection_delay_to_its_alert(watched: Watched) -> None:
    text = asked(f"{watched.monitor}/metrics", headers={**AUTHORIZED, "Accept": "application/openmetrics-text; version=1.0.0"}).decode()
    detected = [
        sample.exemplar.labels["alert_id"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar is not None and family.name == "highwater_detection_delay_seconds"
    ]
    alerts = json.loads(asked(f"{watched.monitor}/v1/alerts?limit=1000", headers=AUTHORIZED))["items"]
    assert detected
    assert set(detected) <= {alert["alert_id"] for alert in alerts}
    kept = query(
        watched.prometheus,
        "query_exemplars",
        query="highwater_detection_delay_seconds_bucket",
        start=str(watched.began_s),
        end=str(watched.ended_s),
    )
    assert {exemplar["labels"]["alert_id"] for series in kept for exemplar in series["exemplars"]} >= set(detected)


def test_no_label_holds_an_id_of_a_change_alert_or_incident(watched: Watched) -> None:
    text = asked(f"{watched.monitor}/metrics", headers=AUTHORIZED).decode()
    ids = [
        item[key]
        for path, key in (("alerts", "alert_id"), ("incidents", "incident_id"), ("changes", "change_id"))
        for item in json.loads(asked(f"{watched.monitor}/v1/{path}?limit=1000", headers=AUTHORIZED))["items"]
    ]
    assert ids
    assert [each for each in ids if f'"{each}"' in text] == []


def test_every_metric_of_ours_that_a_panel_asks_for_is_reported(watched: Watched) -> None:
    text = asked(f"{watched.monitor}/metrics", headers=AUTHORIZED).decode()
    asked_for = {metric for *_, target in targets() for metric in re.findall(r"(?<![:\w])highwater_\w+", target["expr"])}
    reported = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    bare = {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in asked_for}
    assert {metric for metric in bare - reported if not ABSENT.search(metric)} == set()
