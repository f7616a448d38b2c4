"""`highwater backtest`: the alerts that other budgets would have raised, over recorded events."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from highwater.change_files import declared
from highwater.options import AsJson, ConfigFile, settings
from highwater.progress import progress

if TYPE_CHECKING:
    from simulator.truth import Truth
    from streams.backtest import Backtest, Tally, Trial
    from streams.sources.event_files import EventFiles

Events = Annotated[list[str], typer.Argument(metavar="EVENTS...", help="Recorded events: .ndjson, .ndjson.gz, or - for standard input.")]
Changes = Annotated[
    list[Path] | None, typer.Option("--changes", metavar="FILE", help="The changes that were declared then; may be given several times.")
]
Budgets = Annotated[
    str | None,
    typer.Option("--budgets", metavar="N,N…", help="False alarms a day to try; by default 0.01, 0.1, 1, 10 and the one in force."),
]
TruthFile = Annotated[
    Path | None, typer.Option("--truth", metavar="TRUTH", help="The truth (truth.json): adds recall, precision and delay.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Count alerts from this time on (RFC 3339); with --truth, the truth gives this time."),
]
LearnFrom = Annotated[Path | None, typer.Option("--learn-from", metavar="STATE", help="Expectations to start from (`highwater learn`).")]
DEFAULT_BUDGETS = (0.01, 0.1, 1.0, 10.0)
_LEGEND = (
    "* the budget in force (detection.false_alarms_per_day); alerts are `warning` and above",
    "after onset: median time from the estimated beginning of an alert to its detection",
)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("backtest")(backtest)


def backtest(
    events: Events,
    changes: Changes = None,
    budgets: Budgets = None,
    truth: TruthFile = None,
    since: Since = None,
    learn_from: LearnFrom = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show which alerts each budget of false alarms would have raised, and how soon, over recorded events."""
    from config.stages import pipeline_parameters
    from models.errors import ConfigurationError
    from models.rounding import round_significant
    from models.times import parse_time
    from simulator.score_files import read_truth
    from streams.backtest import Backtest
    from streams.learned_state import read_state
    from streams.sources.event_files import EventFiles

    parameters = pipeline_parameters(settings(config))
    in_force = parameters.detection.false_alarms_per_day
    if since is not None and truth is not None:
        raise ConfigurationError(
            "--since and --truth exclude each other: the truth itself gives the time from which alerts are judged (judged_from)"
        )
    known = None if truth is None else read_truth(truth / "truth.json" if truth.is_dir() else truth)
    since_us = parse_time(since) if since is not None else known.judged_from_us if known is not None else None
    test = Backtest(parameters, _budgets(budgets, in_force), keep_records=known is not None)
    test.declare(declared(changes or [])[0])
    if learn_from is not None:
        test.learn_from(read_state(learn_from))
    with EventFiles(events) as source:
        rejected = _run(test, source)
    rows = [_row(tally, trial, known) for tally, trial in zip(test.tallies(since_us), test.trials, strict=True)]
    summary = {
        "events": test.events,
        "windows": test.windows,
        "rejected": rejected,
        "fleet_series": parameters.detection.fleet_series,
        "in_force": round_significant(in_force),
    }
    typer.echo(json.dumps(summary | {"budgets": rows}) if as_json else _table(summary, rows))


def _budgets(given: str | None, in_force: float) -> list[float]:
    """Sorted and without duplicates."""
    from models.errors import ConfigurationError

    if given is None:
        return sorted({*DEFAULT_BUDGETS, in_force})
    most = 1_000_000
    try:
        budgets = sorted({float(each) for each in given.split(",")})
    except ValueError:
        raise ConfigurationError(f"--budgets {given!r:.60} is not a list of numbers: give false alarms a day, such as 0.1,1,10") from None
    if not all(0 < each <= most for each in budgets):
        raise ConfigurationError(f"--budgets {given!r:.60}: each must be above 0 and at most {most:,} false alarms a day")
    return budgets


def _run(test: "Backtest", source: "EventFiles") -> int:
    """The number of malformed events, each of which was left out alone."""
    from models.errors import UnreadableInput

    with progress(source.total_bytes, "backtesting") as advance:
        rejected = 0
        for batch in source:
            test.feed(batch)
            rejected += len(batch.rejections)
            advance(source.read_bytes)
    test.finish()
    if not test.windows:
        raise UnreadableInput("no event in the input can be used: `highwater replay` writes the reasons to rejected.ndjson")
    return rejected


def _row(tally: "Tally", trial: "Trial", known: "Truth | None") -> dict[str, Any]:
    """One budget's figures as JSON."""
    from models.rounding import round_significant

    row: dict[str, Any] = {
        "false_alarms_per_day": round_significant(tally.false_alarms_per_day),
        "days": round_significant(tally.days),
        "alerts_per_day": round_significant(tally.a_day(tally.waking)),
        "by_severity": {severity: round_significant(tally.a_day(count)) for severity, count in tally.by_severity.items()},
        "by_kind": {kind: round_significant(tally.a_day(count)) for kind, count in tally.by_kind.items()},
        "after_onset_s": None if tally.after_onset_s is None else round_significant(tally.after_onset_s),
    }
    return row if known is None else row | _held_against(known, trial)


def _held_against(known: "Truth", trial: "Trial") -> dict[str, Any]:
    """The figures that `highwater score` would compute for the alerts."""
    from models.canonical_json import to_json
    from simulator.score import score
    from simulator.score_files import scored_alerts

    alerts, probable = scored_alerts(*([json.loads(to_json(record)) for record in records] for records in (trial.alerts, trial.incidents)))
    figures = score(alerts, known, probable=probable).as_json()
    return {name: figures[name] for name in ("recall", "precision", "delay_s", "missed")}


def _table(summary: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The same for people: one line per budget, alerts a day, the budget in force marked."""
    judged = "recall" in rows[0]
    head = f"{'budget':>10} {'alerts':>8} {'critical':>9} {'warning':>8} {'info':>8} {'after onset':>11}"
    lines = [
        f"{summary['events']:,} events in {summary['windows']:,} windows, {rows[0]['days']:g} days counted; "
        f"budget: false alarms a day, shared among {summary['fleet_series']:,} series; the other columns: alerts a day",
        head + (f" {'recall':>7} {'precision':>9} {'delay':>7} {'p95':>7}" if judged else "") + "  alerts by kind",
    ]
    for row in rows:
        mark = "*" if row["false_alarms_per_day"] == summary["in_force"] else " "
        levels = row["by_severity"]
        line = f"{row['false_alarms_per_day']:>9g}{mark} {row['alerts_per_day']:>8g}"
        line += f" {levels['critical']:>9g} {levels['warning']:>8g} {levels['info']:>8g} {_cell(row['after_onset_s'], 's'):>11}"
        if judged:
            delay = row["delay_s"]
            line += (
                f" {_cell(row['recall']):>7} {_cell(row['precision']):>9} {_cell(delay['median'], 's'):>7} {_cell(delay['p95'], 's'):>7}"
            )
        lines.append(line + "  " + (", ".join(f"{kind} {rate:g}" for kind, rate in row["by_kind"].items()) or "none"))
    return "\n".join([*lines, *_LEGEND])


def _cell(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}"
