"""Pages: a dashboard as one HTML page, and its picture."""

import html
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.grafana.preview import figures, graphs
from config.grafana.preview.answers import Line, Sources, Span, ask, items, lines
from models.errors import HighwaterError

FOLDER = Path(__file__).parents[3] / "docs" / "images"
STYLE = """
body{background:#111217;color:#ccccdc;font:12px sans-serif;margin:8px;width:1384px}
h1{font-size:18px;margin:4px}h1 small{color:#888;font-size:12px;font-weight:400}
h2{grid-column:1/-1;font-size:13px;margin:4px 2px 0;height:18px}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:6px}
section{background:#181b1f;border:1px solid #2a2c32;border-radius:3px;padding:4px 8px;overflow:hidden;box-sizing:border-box}
h3{font-size:12px;margin:0 0 4px;font-weight:500}.number{font-size:28px;text-align:center;margin:14px 0}
.none{text-align:center;color:#888;font-size:16px;margin:22px 0}
svg{display:block}svg text{fill:#999;font-size:10px}.grid{stroke:#2a2c32}.legend{margin:2px 0 0;font-size:10px;height:28px;overflow:hidden}
table{width:100%;border-collapse:collapse}th{color:#8e9bff;font-weight:500}
td,th{text-align:left;border-bottom:1px solid #2a2c32;padding:3px 6px 3px 2px;vertical-align:top}
.bar{display:grid;grid-template-columns:110px 1fr 60px;gap:6px;margin:4px 0}
.bar b{font-weight:400}.bar i{height:13px}.bar em{font-style:normal}
"""
NOTE = "drawn by Highwater from the real answers; Grafana renders the same panels in its own way"


def page(sources: Sources, board: Mapping[str, Any], span: Span) -> str:
    """The whole dashboard; folded rows are left out, as Grafana shows them at first."""
    windows = _windows(sources, board, span)
    parts = []
    for panel in board["panels"]:
        if panel["type"] == "row":
            parts.append("" if panel["collapsed"] else f"<h2>▾ {html.escape(panel['title'])}</h2>")
            continue
        grid = panel["gridPos"]
        style = f"grid-column:span {grid['w']};height:{grid['h'] * graphs.ROW_PX}px"
        parts.append(
            f'<section style="{style}"><h3>{html.escape(panel["title"])}</h3>{_inside(sources, board, panel, span, windows)}</section>'
        )
    title = html.escape(board["title"])
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>{title} <small>{NOTE}</small></h1><main>{''.join(parts)}</main>"


def _windows(sources: Sources, board: Mapping[str, Any], span: Span) -> list[Line]:
    expr = board["annotations"]["list"][0]["expr"]
    answer = ask(sources.prometheus, "query_range", query=expr, start=span.from_s, end=span.to_s, step=span.step_s)
    return [Line("", each["metric"], [(float(at_s), float(value)) for at_s, value in each["values"]], 0) for each in answer]


def _inside(sources: Sources, board: Mapping[str, Any], panel: Mapping[str, Any], span: Span, windows: list[Line]) -> str:
    if panel["datasource"]["type"] != "prometheus":
        return figures.listed(panel, items(sources, panel["targets"][0]))
    answers = lines(sources.prometheus, board, panel, span)
    if not answers:
        return f'<p class="none">{html.escape(panel["fieldConfig"]["defaults"].get("noValue", "No data"))}</p>'
    if panel["type"] == "timeseries":
        return graphs.graph(panel, answers, span, windows)
    draw = {"stat": figures.number, "bargauge": figures.bars, "table": figures.table, "state-timeline": graphs.lanes}
    return draw[panel["type"]](panel, answers, span)


def height(board: Mapping[str, Any]) -> int:
    """The height of the page in pixels: rows of panels, headings and the gaps between them."""
    shown = [panel for panel in board["panels"] if not panel.get("collapsed")]
    rows = {(panel["gridPos"]["y"], panel["gridPos"]["h"] if panel["type"] != "row" else 0) for panel in shown}
    lines_of: dict[int, int] = {}
    for y, high in rows:
        lines_of[y] = max(lines_of.get(y, 0), high)
    return 54 + sum((high * graphs.ROW_PX if high else 22) + 6 for high in lines_of.values())


def picture(sources: Sources, board: Mapping[str, Any], span: Span) -> Path:
    """Writes the picture to docs/images. Raises HighwaterError if there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise HighwaterError("pictures need Chromium: install the package chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / f"dashboard-{board['uid'].removeprefix('highwater-')}.png"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page(sources, board, span))
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        window = f"--window-size=1400,{height(board)}"
        subprocess.run([*command, window, f"--screenshot={target}", source.as_uri()], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own page
    print(f"{target}: {target.stat().st_size // 1000} kB", flush=True)
    return target
