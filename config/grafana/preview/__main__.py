"""Draws every dashboard from a Prometheus: `python -m config.grafana.preview http://localhost:9090 2026-01-07T00:00:00Z`."""

import html
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.grafana.boards import BOARDS
from config.grafana.preview.answers import Span, lines
from config.grafana.preview.drawing import drawn
from models.times import HOUR_US, SECOND_US, parse_time

HOURS = 24
FOLDER = Path(__file__).parents[3] / "docs" / "images"
UNIT_PX = 30
STYLE = """
body{background:#111217;color:#ccccdc;font:12px sans-serif;margin:8px;width:1384px}
h1{font-size:18px;margin:4px}h2{grid-column:1/-1;font-size:13px;margin:6px 2px 0}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:6px}
section{background:#181b1f;border:1px solid #2a2c32;border-radius:3px;padding:4px 8px;overflow:hidden;box-sizing:border-box}
h3{font-size:12px;margin:0 0 4px;font-weight:500}.number{font-size:30px;text-align:center;margin:8px}.none{text-align:center;color:#777}
svg{width:100%;height:calc(100% - 44px)}svg text{fill:#999;font-size:9px}.grid{stroke:#2a2c32}.legend{margin:0;font-size:10px}
table{width:100%;border-collapse:collapse}td,th{text-align:left;border-bottom:1px solid #2a2c32;padding:2px}
.bar{display:grid;grid-template-columns:110px 1fr 60px;gap:6px;margin:3px 0}
.bar b{font-weight:400}.bar i{height:12px}.bar em{font-style:normal}
"""


def page(address: str, board: Mapping[str, Any], span: Span) -> str:
    """The whole dashboard as one HTML page."""
    parts = []
    for panel in board["panels"]:
        if panel["type"] == "row":
            parts.append(f"<h2>▾ {html.escape(panel['title'])}</h2>" if not panel["collapsed"] else "")
            continue
        inside = drawn(panel, lines(address, board, panel, span), span)
        place = panel["gridPos"]
        style = f"grid-column:span {place['w']};height:{place['h'] * UNIT_PX}px"
        parts.append(f'<section style="{style}"><h3>{html.escape(panel["title"])}</h3>{inside}</section>')
    told = "drawn by Highwater from Prometheus' answers; Grafana renders the same panels in its own way"
    title = html.escape(board["title"])
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>{title} <small>({told})</small></h1><main>{''.join(parts)}</main>"


def height(board: Mapping[str, Any]) -> int:
    """Pixels that the page needs."""
    lowest = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"] if not panel.get("collapsed"))
    return int(lowest * (UNIT_PX + 2) + 60)


def main(address: str, until: str) -> None:
    """A picture of every dashboard, in docs/images."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("pictures need Chromium: install the package chromium")
    to_us = parse_time(until)
    span = Span((to_us - HOURS * HOUR_US) / SECOND_US, to_us / SECOND_US)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for board in BOARDS:
            content = board.json()
            source = Path(folder) / "page.html"
            source.write_text(page(address, content, span))
            target = FOLDER / f"dashboard-{board.uid.removeprefix('highwater-')}.png"
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
            window = f"--window-size=1400,{height(content)}"
            subprocess.run([*command, window, f"--screenshot={target}", source.as_uri()], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own page
            print(f"{target}: {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("wanted: the address of a Prometheus and the end of the 24 hours, such as http://localhost:9090 2026-01-07T00:00:00Z")
    main(sys.argv[1], sys.argv[2])
