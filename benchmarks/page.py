"""How fast the page is in Chromium: first paint with 500 open alerts, an alert's way to the screen, a large heat map, a long chart, memory.

`python -m benchmarks.page` prints one JSON object (some seconds; Chromium needed). Times are the best of five.
`--hours 8` shows the page as many updates as eight hours bring at one a second, as fast as it takes them (some minutes).
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from service.store.records import Row
from tests.service.builders import alert, desk, incident
from tests.service.house import House
from tests.service.page.visitor import Visitor

ALERTS = 500
TRIALS = 5
AN_HOUR = 3600
"""Updates that an hour brings at one a second."""
SETTLING = 1200
"""Updates before the first measurement, until the browser has compiled what it runs often."""
_HEAT = """async () => {
  const { HeatMap } = await import("/page/charts/heat_map.js");
  const rows = (make) => Array.from({ length: 100 }, () => Array.from({ length: 192 }, make));
  const users = Array.from({ length: 100 }, (_, row) => `U${row}`), span = { from: "2026-01-05T00:00:00Z", to: "2026-01-07T00:00:00Z" };
  const traffic = { messages: rows(() => 1000 * Math.random()), expected: rows(() => 500), judged: rows(() => 1000 * Math.random()) };
  const map = { ...span, bucket_s: 900, users, ...traffic, failures: rows(() => 1), depth: rows(() => 5) };
  const heat = new HeatMap({ chosen() {} });
  document.getElementById("main").append(heat.node);
  const began = performance.now();
  heat.show(map, "rate");
  return performance.now() - began;
}"""
_CHART = """async () => {
  const { TimeChart } = await import("/page/charts/time_chart.js"), { TimeAxis } = await import("/page/charts/time_axis.js");
  const at = Array.from({ length: 100000 }, (_, index) => 1767571200000 + index * 10000), values = at.map(() => Math.random() * 1000);
  const chart = new TimeChart(new TimeAxis(at[0], at[at.length - 1]), { title: "Long", unit: "" });
  document.getElementById("main").append(chart.node);
  const began = performance.now();
  chart.draw({ at, lines: [{ label: "messages", values, colour: "accent" }] });
  await null; // the library draws its canvas after this turn
  return performance.now() - began;
}"""


def main() -> int:
    """2 where Chromium is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page")
    parser.add_argument("--hours", type=int, default=1, help="how many hours of updates the memory is measured over")
    hours = parser.parse_args().hours
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("page: install the package chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, House(Path(folder) / "data") as house, sync_playwright() as playwright:
        house.publish(_many())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        visitor = Visitor(browser, house, "triage")
        visitor.go("/")
        result = {"open_alerts": ALERTS, **_paint(visitor.page), "alert_on_screen_ms": _alert(house, visitor.page)}
        result["memory"] = _memory(visitor.page, hours)
        result |= {
            "heat_map_100_users_48_h_ms": _best(visitor.page, _HEAT),
            "chart_100000_points_ms": _best(visitor.page, _CHART),
        }
        result["weight_bytes"] = _weight()
        print(json.dumps(result))
        browser.close()
    return 0


def _many() -> list[Row]:
    records: list[Any] = [incident(f"I-{number}", alert_ids=(f"A-{number}",), summary=f"Incident {number}") for number in range(100)]
    records += [alert(f"A-{number}", user=f"U{number}", incident_id=f"I-{number % 100}") for number in range(ALERTS)]
    return desk(*records)


def _paint(page: Page) -> dict[str, float]:
    """The best of five visits after the first one, which fills the disk's and the compiler's caches."""
    measured = []
    for _ in range(TRIALS):
        page.reload()
        page.wait_for_selector("article")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        measured.append((paint, page.evaluate("performance.getEntriesByName('first-card')[0]?.startTime ?? null")))
    return {"first_paint_ms": _rounded(min(paint for paint, _ in measured)), "first_card_ms": _rounded(min(card for _, card in measured))}


def _best(page: Page, script: str) -> float:
    """Of five: whatever else the machine does makes a trial longer, and nothing makes it shorter."""
    return _rounded(min(page.evaluate(script) for _ in range(TRIALS)))


def _alert(house: House, page: Page) -> float:
    began = time.perf_counter()
    house.publish(desk(incident("I-new", category=1, summary="A new incident")))
    page.wait_for_selector("text=A new incident")
    return _rounded((time.perf_counter() - began) * 1000)


def _memory(page: Page, hours: int) -> dict[str, list[float]]:
    """The heap (MB) and the number of nodes after a collection: once settled, then after each hour's updates."""
    script = """async ([first, count]) => {
      const { store } = await import("/page/core/store.js");
      const records = ["incident", "alert"].map((kind) => [kind, [...store.records[kind].keys()]]);
      for (let step = first; step < first + count; step++) {
        const [kind, names] = records[step % 2], one = store.records[kind].get(names[step % names.length]);
        store.applyEvent(kind, { ...one, revision: one.revision + 1, summary: `Update ${step}` });
        const state = { assigned_to: `Shift ${step}`, notes: [] };
        if (kind === "incident") store.applyEvent("triage", { subject: "incidents", id: one.incident_id, state });
        await new Promise((done) => setTimeout(done, 0));
      }
    }"""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    measured: dict[str, list[float]] = {"heap_mb": [], "nodes": []}
    for first, count in ((0, SETTLING), *((SETTLING + hour * AN_HOUR, AN_HOUR) for hour in range(hours))):
        page.evaluate(script, [first, count])
        session.send("HeapProfiler.collectGarbage")
        figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        measured["heap_mb"].append(round(figures["JSHeapUsedSize"] / 1e6, 2))
        measured["nodes"].append(figures["Nodes"])
    return measured


def _weight() -> int:
    return sum(len(gzip.compress(path.read_bytes())) for path in Path(str(files("service") / "page")).rglob("*.*") if path.suffix != ".txt")


def _rounded(value: float) -> float:
    return round(value, 1)


if __name__ == "__main__":
    sys.exit(main())
