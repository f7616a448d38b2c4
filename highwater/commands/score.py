"""`highwater score`: the alerts of a run against the truth of its simulation."""

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("score")(score)


def score(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that `replay --out` wrote.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="truth.json of `simulate`, or its folder.")],
) -> None:
    """Compare alerts with the truth: recall, precision, delay, attribution, as JSON; docs/scoring.md defines each figure."""
    from simulator.score import score as judge
    from simulator.score_blame import score_blame
    from simulator.score_course import read_records, score_course
    from simulator.score_files import read_alerts, read_truth

    known = read_truth(truth / "truth.json" if truth.is_dir() else truth)
    alerts, probable = read_alerts(run)
    course = score_course(alerts, read_records(run, "incidents.ndjson"), read_records(run, "change-reports.ndjson"), known)
    blame = score_blame(alerts, read_records(run, "alerts.ndjson"), known)
    typer.echo(json.dumps(judge(alerts, known, probable=probable).as_json() | course.as_json() | blame.as_json(), indent=2))
