"""Draws the page's pictures for the README and the documents: the demo's day, stopped while both incidents are open.

`make screenshots` (some minutes; Chromium needed). `--until TIME` stops the day elsewhere.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from models.times import parse_time
from service.access import Role
from service.demo import send_day
from simulator.simulation import Simulation, find_scenario, simulate
from tests.service.house import House
from tests.service.page.visitor import Visitor

IMAGES = Path(__file__).parents[3] / "docs" / "images"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "color_scheme": "dark"}
DESK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
DARK = {**DESK, "color_scheme": "dark"}


def main() -> int:
    """2 where Chromium is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.service.page.screenshots")
    parser.add_argument("--until", default="2026-01-07T11:50:00Z", help="when the simulated day stops")
    until = parser.parse_args().until
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("screenshots: install the package chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, House(Path(folder) / "data", open_role=Role.TRIAGE, raw_hours=96) as house:
        scenario = find_scenario("day")
        simulation = simulate(scenario, 1, users=60, days=scenario.days, start_us=parse_time(scenario.start))
        send_day(house.parts.engine, house.parts.intake, house.parts.clock, simulation.changes, _until(simulation, until), lambda: False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            draw(browser, house)
            browser.close()
    return 0


def _until(simulation: Simulation, until: str) -> Iterator[bytes]:
    """The day's lines up to a time."""
    end = until.encode()
    for block in simulation.blocks():
        lines = block.splitlines(keepends=True)
        kept = [line for line in lines if line.split(b'"observed_at":"', 1)[1][: len(end)] <= end]
        if kept:
            yield b"".join(kept)
        if len(kept) < len(lines):
            return


def draw(browser: Browser, house: House) -> None:
    """Every picture; a fault on the page is a fault here."""
    incidents = house.client("triage").get("/v1/incidents", params={"status": "active"}).json()["items"]
    backlog = next(one["incident_id"] for one in incidents if "backlog" in one["kinds"])
    made = house.client("admin").post("/v1/tokens", json={"role": "user:SUPPLIER-L02", "name": "SUPPLIER-L02"}).json()
    house.secrets["supplier"] = made["secret"]
    picture(Visitor(browser, house, None, **DESK), "/", "page")
    picture(Visitor(browser, house, None, **DARK), f"/incident/{backlog}", "page-incident", height=1240)
    picture(Visitor(browser, house, None, **DESK), "/traffic", "page-traffic", height=1180)
    picture(Visitor(browser, house, None, **DESK), "/calendar/2026-01-07", "page-night", height=760)
    picture(Visitor(browser, house, "supplier", **DESK), "/", "page-company", height=1100)
    picture(Visitor(browser, house, None, **PHONE), "/", "page-phone")


def picture(visitor: Visitor, path: str, name: str, height: int = 0) -> None:
    """One view, once all of it stands."""
    page = visitor.go(path)
    page.wait_for_timeout(4000)
    if height:
        page.set_viewport_size({"width": 1280, "height": height})
        page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"{name}.png")
    visitor.context.close()
    if visitor.faults:
        raise SystemExit("\n".join(visitor.faults))
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
