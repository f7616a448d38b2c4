"""`highwater impact`: whether a KPI moved after a change, one verdict per case."""

import json
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("impact")(impact)


def impact(
    cases: Annotated[Path, typer.Argument(metavar="CASES.csv", help="Columns case, change_at; .gz too.")],
    series: Annotated[Path, typer.Argument(metavar="SERIES.csv", help="Columns case, timestamp, value; .gz too.")],
    as_json: AsJson = False,
) -> None:
    """Judge any KPI around the time of a change: one line per case with score and verdict (impact, no_impact, inconclusive)."""
    from correlation.change_reports.kpi_impact import INCONCLUSIVE, judge_series
    from models.canonical_json import whole
    from streams.sources.kpi_csv import read_cases, read_kpis

    del as_json  # People get one JSON line per case too: the contract defines no other form.
    known = read_cases(cases)
    kpis = read_kpis(series)
    for one in known:
        judged = judge_series(*kpis[one.case], one.change_s) if one.case in kpis else INCONCLUSIVE
        typer.echo(json.dumps({"case": one.case, "score": whole(judged.score), "verdict": judged.verdict}, separators=(",", ":")))
