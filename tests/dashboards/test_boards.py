"""The dashboards' JSON is what the builders write, fits Grafana's classic schema, and keeps our own rules."""

import json
import re
import subprocess
from itertools import combinations
from typing import Any

import jsonschema
import pytest
import yaml

from config.grafana.build import texts
from tests.dashboards.boards import BOARDS, FILES, FOLDER, GRAFANA, OPTIONAL, listings, panels, targets
from tests.dashboards.servers import ROOT

SCHEMA = json.loads((ROOT / "tests" / "dashboards" / "schema.json").read_text())
# Units of Grafana's that we use; a misspelt one is shown as text behind each number.
UNITS = {"short", "s", "percentunit", "bytes", "Bps", "string"}
# Expressions whose window must be fixed: a day's increase, and the band, whose width depends on the window.
FIXED = (r"\[1d\]", r"\[5m\]")
ALL = [pytest.param(board, id=name) for name, board in BOARDS.items()]
ALL_PANELS = [pytest.param(panel, id=f"{name}: {panel['title']}") for name, board in BOARDS.items() for panel in panels(board)]


def test_building_them_again_changes_nothing() -> None:
    assert {path: path.read_text() for path in FILES} == texts()


def test_make_dashboards_writes_them_anew() -> None:
    before = {path: path.read_bytes() for path in FILES}
    stray = FOLDER / "operations" / "of-yesterday.json"
    stray.write_text("{}")
    subprocess.run(["make", "dashboards"], cwd=ROOT, check=True, capture_output=True)
    assert {path: path.read_bytes() for path in FOLDER.parent.rglob("dashboards/*/*.json")} == before, "what is no longer built goes"


def faults(board: dict[str, Any]) -> list[str]:
    """What the schema has against it."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(board)]


def test_the_schema_is_one() -> None:
    assert jsonschema.Draft202012Validator.check_schema(SCHEMA) is None


@pytest.mark.parametrize("board", ALL)
def test_a_dashboard_fits_the_schema(board: dict[str, Any]) -> None:
    assert faults(board) == []


def test_the_schema_refuses_what_grafana_would_not_understand() -> None:
    board = json.loads(json.dumps(next(iter(BOARDS.values()))))
    board["panels"][1]["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["colour"] = "red"
    assert len(faults(board)) == 1


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_says_what_it_shows_and_in_what_unit(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 10
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None
    values = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]]
    assert values == sorted(values)


@pytest.mark.parametrize("panel", [panel for panel in ALL_PANELS if panel.values[0]["type"] == "timeseries"])
def test_a_graph_has_a_legend_and_its_axis(panel: dict[str, Any]) -> None:
    assert panel["options"]["legend"]["showLegend"]
    assert panel["fieldConfig"]["defaults"]["custom"]["axisPlacement"] != "hidden"
    dashed = panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"
    assert dashed == (len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1)


@pytest.mark.parametrize(
    ("name", "title", "target"), list(targets()), ids=lambda value: value if isinstance(value, str) else value["refId"]
)
def test_a_query_asks_the_chosen_datasource_over_an_interval_that_fits(name: str, title: str, target: dict[str, Any]) -> None:
    assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert target["legendFormat"]
    for window in re.findall(r"\[[^\]]+\]", target["expr"]):
        assert window in ("[$__rate_interval]", "[$__range]") or any(re.fullmatch(fixed, window) for fixed in FIXED), target["expr"]
    for counter in re.findall(r"\b(highwater_\w+_total)\b", target["expr"]):
        assert re.search(rf"(rate|increase)\({counter}", target["expr"]), f"{counter} is a counter: rate it"


@pytest.mark.parametrize("target", [target for *_, target in targets()], ids=lambda target: target["refId"])
def test_a_rate_is_asked_for_over_minutes_at_least(target: dict[str, Any]) -> None:
    assert target.get("interval") == ("1m" if "$__rate_interval" in target["expr"] else None)


@pytest.mark.parametrize(("name", "title", "target"), list(listings()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_listing_asks_the_chosen_api_and_names_its_columns(name: str, title: str, target: dict[str, Any]) -> None:
    assert target["datasource"] == {"type": "yesoreyeram-infinity-datasource", "uid": "${api}"}
    assert any(variable["name"] == "api" for variable in BOARDS[name]["templating"]["list"])
    headings = [column["text"] for column in target["columns"]]
    assert len(headings) == len(set(headings))
    panel = next(panel for panel in panels(BOARDS[name]) if panel["title"] == title)
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= set(headings)


def test_what_needs_a_plugin_lies_apart_and_the_others_need_none() -> None:
    needing = {name for name, *_ in listings()}
    assert needing == {path.stem for path in OPTIONAL.rglob("*.json")}
    assert all("infinity" not in path.read_text() for path in FOLDER.rglob("*.json"))


@pytest.mark.parametrize("board", ALL)
def test_panels_lie_side_by_side_within_the_24_columns(board: dict[str, Any]) -> None:
    seen = [panel["gridPos"] for panel in board["panels"]]
    for index in seen:
        assert 0 <= index["x"] <= index["x"] + index["w"] <= 24
    for one, other in combinations(seen, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
    numbers = [panel["id"] for panel in board["panels"]] + [panel["id"] for row in board["panels"] for panel in row.get("panels", [])]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("board", ALL)
def test_every_variable_that_is_asked_for_exists(board: dict[str, Any]) -> None:
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval", "__range"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps([panel["targets"] for panel in panels(board)]))) <= known
    assert board["templating"]["list"][0]["type"] == "datasource"


@pytest.mark.parametrize("board", ALL)
def test_change_windows_are_drawn_over_every_dashboard(board: dict[str, Any]) -> None:
    assert "highwater_change_window_active" in board["annotations"]["list"][0]["expr"]


def test_they_have_addresses_of_their_own_and_lead_to_each_other() -> None:
    addresses = [board["uid"] for board in BOARDS.values()]
    assert len(set(addresses)) == len(addresses) == 5
    linked = set(re.findall(r"/d/([\w-]+)", "".join(path.read_text() for path in FILES)))
    assert linked <= set(addresses)


def provisioned(folder: str, file: str) -> dict[str, Any]:
    """One file of Grafana's provisioning, with or without the optional part."""
    document: dict[str, Any] = yaml.safe_load((GRAFANA / folder / "provisioning" / file).read_text())
    return document


def mounts(compose: str) -> dict[str, str]:
    """Path in Grafana's container → file or folder here."""
    listed = yaml.safe_load((ROOT / compose).read_text())["services"]["grafana"]["volumes"]
    return {parts[1]: parts[0] for each in listed if len(parts := each.split(":")) > 1 and each.startswith(".")}


def test_they_are_provisioned_with_one_datasource_and_folders() -> None:
    sources = provisioned("", "datasources/prometheus.yml")["datasources"]
    providers = provisioned("", "dashboards/highwater.yml")["providers"]
    assert [source["type"] for source in sources] == ["prometheus"]
    assert providers[0]["options"]["foldersFromFilesStructure"]
    assert {path.parent.name for path in FILES} == {"operations", "highwater"}


def test_the_api_is_provisioned_beside_it_with_a_token_from_a_file_and_only_if_asked_for() -> None:
    (source,) = provisioned("optional", "datasources/highwater-api.yml")["datasources"]
    (provider,) = provisioned("optional", "dashboards/highwater-api.yml")["providers"]
    assert source["type"] == "yesoreyeram-infinity-datasource"
    assert source["jsonData"]["auth_method"] == "bearerToken"
    assert source["jsonData"]["allowedHosts"] == [source["url"]]
    assert re.fullmatch(r"\$__file\{/run/secrets/[\w-]+\}", source["secureJsonData"]["bearerToken"])
    assert not source["isDefault"]
    given = mounts("docker-compose.grafana-api.yml")
    assert all((ROOT / path).exists() for path in given.values())
    assert {"/etc/grafana/provisioning/datasources/highwater-api.yml", "/etc/grafana/provisioning/dashboards/highwater-api.yml"} <= set(
        given
    )
    assert (ROOT / given[provider["options"]["path"]]).resolve() == OPTIONAL
    compose = yaml.safe_load((ROOT / "docker-compose.grafana-api.yml").read_text())
    assert source["type"] in compose["services"]["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    (secret,) = compose["services"]["grafana"]["secrets"]
    assert source["secureJsonData"]["bearerToken"] == f"$__file{{/run/secrets/{secret}}}"
    assert not any("optional" in path for path in mounts("docker-compose.yml").values())


def test_the_compose_file_for_the_api_is_as_the_compose_specification_wants_it() -> None:
    schema = json.loads((ROOT / "tests" / "kafka" / "compose-spec.json").read_text())
    compose = yaml.safe_load((ROOT / "docker-compose.grafana-api.yml").read_text())
    assert [fault.message for fault in jsonschema.Draft7Validator(schema).iter_errors(compose)] == []
    assert set(compose["services"]) <= set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def test_the_compose_file_gives_grafana_its_datasource_its_home_and_prometheus_its_targets() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    source = provisioned("", "datasources/prometheus.yml")["datasources"][0]
    given = services["grafana"]["environment"]
    assert all(name in given for name in re.findall(r"\$\{(\w+)\}", source["url"]))
    home = given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].removeprefix("/var/lib/grafana/dashboards/")
    assert (FOLDER / home).is_file()
    assert all((ROOT / path).exists() for path in mounts("docker-compose.yml").values())
    scraped = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    asked_for = {name for job in scraped for entry in job.get("dns_sd_configs", []) for name in entry["names"]}
    assert asked_for <= set(services)
