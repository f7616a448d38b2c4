"""`highwater detect`: an online verdict on every row of any numeric series."""

import json
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson

Series = Annotated[Path, typer.Argument(metavar="SERIES.csv", help="Columns timestamp, value, in either case; .gz too.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("detect")(detect)


def detect(series: Series, as_json: AsJson = False) -> None:
    """Judge any numeric series: one line a row with its timestamp, a score, and whether something abnormal begins there."""
    from detectors.anyseries import AnySeries
    from models.numbers import four
    from streams.sources.kpis import read_series

    del as_json  # one JSON line a row is what people get too: the contract has no other form
    timestamps, values = read_series(series)
    judge = AnySeries()
    lines = []
    for timestamp, value in zip(timestamps, values.tolist(), strict=True):
        verdict = judge.step(value)
        lines.append(json.dumps({"timestamp": timestamp, "score": four(verdict.score), "alert": verdict.alert}, separators=(",", ":")))
    typer.echo("\n".join(lines))
