"""`highwater detect`: an online verdict on every row of any numeric series."""

import json
from typing import Annotated

import typer

from highwater.options import AsJson
from highwater.progress import progress

Series = Annotated[
    str, typer.Argument(metavar="SERIES.csv", help="Columns timestamp, value, in either case; .gz too; - for standard input.")
]
AlertAt = Annotated[
    float | None,
    typer.Option("--alert-at", min=0.0, max=12.0, help="Score from which a value is an alert."),
]
_PROGRESS_ROWS = 1000
"""Rows between two updates of the progress bar."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("detect")(detect)


def detect(series: Series, alert_at: AlertAt = None, as_json: AsJson = False) -> None:
    """Judge any numeric series: one line per row with its timestamp, a score, and whether an anomaly begins there."""
    from dataclasses import replace

    from detectors.any_series.any_series import AnySeries, SeriesParameters
    from streams.sources.series_csv import SeriesFile

    del as_json  # People get one JSON line per row too: the contract defines no other form.
    default = SeriesParameters()
    judge = AnySeries(default if alert_at is None else replace(default, alert_at=alert_at))
    with SeriesFile(series) as file, progress(file.total_bytes, "judging") as advance:
        for number, row in enumerate(file):
            verdict = judge.process_value(row.at_s, row.value)
            line = {"timestamp": row.timestamp, "score": verdict.score, "alert": verdict.alert}
            print(json.dumps(line, separators=(",", ":"), ensure_ascii=False), flush=series == "-")
            if number % _PROGRESS_ROWS == 0:
                advance(file.read_bytes)
