"""One monitor that is told a simulated day, watched by a real Prometheus while it judges."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from models.canonical_json import to_json
from models.times import HOUR_US, parse_time
from simulator.simulation import Simulation, find_scenario, simulate
from tests.dashboards.servers import ROOT, TOKEN, Program, asked, eventually, free_port, highwater, needs, prometheus, query

RULES = sorted((ROOT / "config" / "prometheus" / "rules").glob("*.yml"))
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Watched:
    """Addresses of both, and when it was, in Unix seconds."""

    monitor: str
    prometheus: str
    began_s: float
    ended_s: float


@pytest.fixture(scope="session")
def day() -> Simulation:
    scenario = find_scenario("day")
    return simulate(scenario, 1, users=8, days=2, start_us=parse_time(scenario.start), window_s=600)


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, day: Simulation) -> Iterator[Watched]:
    """A day to learn from is posted at once, then the other hour by hour, each scraped before the next comes."""
    needs("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    port = free_port()
    with highwater(folder, HIGHWATER_SERVE__METRICS_PORT=str(port)) as monitor, prometheus(folder, scraping(port, folder)) as server:
        began_s = time.time()
        asked(f"{monitor.address}/v1/changes", headers=AUTHORIZED, body=b"[" + b",".join(map(to_json, day.changes)) + b"]")
        for number, body in enumerate(hours(day)):
            asked(f"{monitor.address}/v1/events", headers=AUTHORIZED | {"Content-Encoding": "gzip"}, body=gzip.compress(body, 1))
            seen_after(server, number)
        yield Watched(monitor.address, server.address, began_s, time.time())


def scraping(port: int, folder: Path) -> str:
    """Our own configuration and rules, faster, with the one target that there is."""
    rules = folder / "rules.yml"
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    rules.write_text(yaml.safe_dump({"groups": [{**group, "interval": "1s"} for group in groups]}))
    config = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "1s"}
    config["rule_files"] = [str(rules)]
    del config["alerting"]
    config["scrape_configs"] = [{"job_name": "highwater", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]
    return yaml.safe_dump(config)


def hours(day: Simulation) -> list[bytes]:
    """Bodies: all of the first day, then each hour of the second."""
    lines: dict[int, list[bytes]] = {}
    for line in b"".join(day.blocks()).splitlines():
        at = line.index(b'"observed_at":"') + 15
        lines.setdefault((parse_time(line[at : line.index(b'"', at)].decode()) - 1) // HOUR_US, []).append(line)
    bodies = [b"\n".join(lines[hour]) for hour in sorted(lines)]
    return [b"\n".join(bodies[:24]), *bodies[24:]]


def scrapes(server: Program) -> int:
    """How often Prometheus has asked so far."""
    counted = query(server.address, "query", query="sum(count_over_time(up[1h]))")["result"]
    return int(counted[0]["value"][1]) if counted else 0


def seen_after(server: Program, number: int) -> None:
    """Two more scrapes: what came is judged and seen."""
    before = scrapes(server)
    assert eventually(lambda: scrapes(server) >= before + 2)
    if number == 0:
        assert eventually(lambda: query(server.address, "query", query='highwater_events_total{outcome="accepted"} > 0')["result"])
