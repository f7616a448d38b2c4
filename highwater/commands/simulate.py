"""`highwater simulate`: a DSP day from a seed, with the declared changes and the truth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson

if TYPE_CHECKING:
    from simulator.simulation import Simulation


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("simulate")(simulate)


def simulate(
    scenario: Annotated[str | None, typer.Argument(help="The scenario; --list names all of them.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for events.ndjson.gz, changes.json and truth.json.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the Users, times and strengths: another seed gives another day.")] = 1,
    users: Annotated[int, typer.Option("--users", help="Users of the DSP.")] = 60,
    days: Annotated[int | None, typer.Option("--days", help="Length; the last day is the one that is judged.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="First instant, RFC 3339 with an offset.")] = None,
    window: Annotated[int, typer.Option("--window", help="Length of a window in seconds.")] = 60,
    longer_window: Annotated[int | None, typer.Option("--longer-window", help="Window of every second User, seconds.")] = None,
    beside: Annotated[
        list[str] | None, typer.Option("--with", help="A reality of ordinary traffic to add; --realities lists them.")
    ] = None,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", help="Folder of recorded counts (CSV: timestamp,value) to take traffic from.")
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the scenarios and exit.")] = False,
    realities: Annotated[bool, typer.Option("--realities", help="List the realities for --with and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate some days on the DSP: events, declared changes and the truth; the same arguments give the same output."""
    from models.errors import HighwaterError
    from models.times import parse_time
    from simulator.recorded import read_recordings
    from simulator.simulation import find_scenario
    from simulator.simulation import simulate as simulate_scenario

    if names or realities:
        _list("scenarios" if names else "realities", as_json)
        return
    if scenario is None or out is None:
        raise HighwaterError("give a scenario and a folder: `highwater simulate day --out DIR`; --list names the scenarios")
    chosen = find_scenario(scenario)
    started_us = parse_time(start or chosen.start)
    simulation = simulate_scenario(
        chosen,
        seed,
        users=users,
        days=chosen.days if days is None else days,
        start_us=started_us,
        window_s=window,
        longer_window_s=longer_window,
        realities=tuple(beside or ()),
        recordings=read_recordings(traffic) if traffic is not None else (),
    )
    _write(simulation, out)
    summary = {"events": simulation.events, "changes": len(simulation.changes), "anomalies": len(simulation.truth.anomalies)}
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        typer.echo(f"{out}: {summary['events']:,} events, {summary['changes']} changes, {summary['anomalies']} anomalies")


def _write(simulation: "Simulation", out: Path) -> None:
    """Shows a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from simulator.files import write_simulation

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(simulation.scenario.name, total=simulation.timeline.windows)
        write_simulation(simulation, out, progress=lambda windows: progress.update(task, completed=windows))


def _list(of: str, as_json: bool) -> None:
    from simulator.realities import REALITIES
    from simulator.scenarios import SCENARIOS

    if of == "realities":
        listed: list[dict[str, str | int]] = [{"name": name, "summary": one.summary} for name, one in REALITIES.items()]
    else:
        listed = [{"name": name, "summary": one.summary, "days": one.days} for name, one in SCENARIOS.items()]
    if as_json:
        typer.echo(json.dumps(listed))
        return
    width = max(len(str(one["name"])) for one in listed)
    for one in listed:
        typer.echo(f"{one['name']:<{width}}  {one['summary']}")
