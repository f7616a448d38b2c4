"""Recording and alerting rules: right by promtool, tested by promtool, each with a runbook that exists; routes lead where they should."""

import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from models.vocabulary import AlertKind
from tests.dashboards.boards import targets
from tests.dashboards.servers import ROOT, needs

RULES = sorted((ROOT / "config" / "prometheus" / "rules").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS: list[dict[str, Any]] = [
    rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "alert" in rule
]
RECORDS = [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "record" in rule]
ROUTES = ROOT / "config" / "alertmanager" / "alertmanager.yml"


def promtool(*arguments: object) -> tuple[int, str]:
    """Its exit code and all that it says."""
    done = subprocess.run([needs("promtool"), *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_promtool_takes_the_rules_and_the_configuration() -> None:
    code, output = promtool("check", "rules", *RULES)
    assert code == 0, output
    assert sum(int(count) for count in re.findall(r"SUCCESS: (\d+) rules found", output)) == len(ALERTS) + len(RECORDS)
    code, output = promtool("check", "config", ROOT / "config" / "prometheus" / "prometheus.yml")
    assert code == 0, output
    assert f"SUCCESS: {len(RULES)} rule files found" in output


def test_every_rule_fires_when_it_should_and_not_before() -> None:
    file = ROOT / "tests" / "dashboards" / "rules" / "health_test.yml"
    code, output = promtool("test", "rules", file)
    assert code == 0, output
    assert "SUCCESS" in output
    expected = set(re.findall(r"alertname: (\w+), exp_alerts: \[\{", file.read_text()))
    assert expected == {rule["alert"] for rule in ALERTS}


def test_promtool_tells_a_rule_that_does_not_fire(tmp_path: Path) -> None:
    tested = (ROOT / "tests" / "dashboards" / "rules" / "health_test.yml").read_text()
    wrong = tmp_path / "wrong_test.yml"
    wrong.write_text(re.sub(r"\.\./\.\./\.\./config", str(ROOT / "config"), tested).replace("Only 50%", "Only 51%"))
    code, output = promtool("test", "rules", wrong)
    assert code != 0
    assert "Only 50%" in output


def test_what_rules_record_is_what_panels_and_alerts_ask_for() -> None:
    recorded = {rule["record"] for rule in RECORDS}
    asked_for = " ".join([target["expr"] for *_, target in targets()] + [rule["expr"] for rule in ALERTS])
    named = set(re.findall(r"\w+:\w+:\w+", asked_for))
    assert named <= recorded
    assert recorded - named == {"highwater:events_taken:ratio_rate1h"}, "for people who ask for an objective by hand"
    assert not any(name in rule["expr"] for rule in RECORDS for name in recorded), (
        "a rule that reads another can't be filled in for the past"
    )


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_how_bad_whose_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("none", "info", "warning", "critical")
    assert rule["labels"]["team"] == "highwater"
    assert rule["annotations"]["summary"].endswith(".")
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()


def test_the_index_of_runbooks_says_how_urgent_each_alert_is() -> None:
    rows = re.findall(r"^\| \[(\**)(\w+)\**\]\(([\w-]+\.md)\) \| .+ \| (\w+) \|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    result = {(name, f"docs/runbooks/{page}", severity) for _, name, page, severity in rows}
    assert result == {(rule["alert"], rule["annotations"]["runbook_url"], rule["labels"]["severity"]) for rule in ALERTS}
    assert {name for bold, name, *_ in rows if bold} == {rule["alert"] for rule in ALERTS if rule["labels"]["severity"] == "critical"}


def test_every_runbook_belongs_to_a_rule_or_a_kind_of_alert_and_is_complete() -> None:
    linked = {(ROOT / rule["annotations"]["runbook_url"]).name for rule in ALERTS}
    kinds = {f"alert-{kind}.md" for kind in get_args(AlertKind)}
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert pages == linked | kinds
    for page in sorted(pages):
        text = (RUNBOOKS / page).read_text()
        for heading in ("## What it means", "## First three checks", "## Usual causes", "## How to clear it"):
            assert heading in text, (page, heading)
        checks = text.split("## First three checks")[1].split("## ")[0]
        assert len(re.findall(r"^\d\. ", checks, re.MULTILINE)) == 3, page


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"alertname": "HighwaterWatchdog", "team": "highwater"}, "watchdog"),
        ({"alertname": "HighwaterDown", "team": "highwater", "severity": "critical"}, "highwater-operations"),
        ({"team": "triage", "severity": "info", "kind": "storm", "category": "1"}, "nobody"),
        ({"team": "triage", "severity": "warning", "kind": "storm", "category": "3"}, "triage-desk"),
        ({"team": "triage", "severity": "critical", "kind": "silence", "category": "2"}, "major-incident,triage-desk"),
        ({"team": "triage", "severity": "warning", "kind": "backlog", "category": "4"}, "platform-team,triage-desk"),
        (
            {"team": "triage", "severity": "critical", "kind": "backlog", "category": "1", "user": "SUPPLIER-L05"},
            "account-supplier-l05,major-incident,platform-team,triage-desk",
        ),
    ],
)
def test_an_alert_is_routed_by_category_team_and_user(labels: dict[str, str], receivers: str) -> None:
    words = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [needs("amtool"), "config", "routes", "test", f"--config.file={ROUTES}", *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == receivers
