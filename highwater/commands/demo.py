"""`highwater demo`: the embedded monitor on a simulated day with both incidents of the problem statement."""

from typing import Annotated

import typer

from highwater.options import ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    exit_when_done: Annotated[bool, typer.Option("--exit-when-done", help="Stop when the day is over, for scripts.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="The day to simulate.", min=0)] = 1,
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = 0,
    config: ConfigFile = None,
) -> None:
    """Watch Highwater find both incidents of a simulated day and name the changes behind them.

    Prints the address of the page and one line for each incident with its change as it appears. The page is open on this machine only,
    without a token. The demo needs no network and leaves no files behind.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from models.times import parse_time
    from service.demo import show
    from service.operations.logging_setup import set_up
    from simulator.simulation import find_scenario, simulate
    from streams.pipeline import PipelineParameters

    set_up("error")
    in_force = settings(config)
    scenario = find_scenario("day")
    simulation = simulate(scenario, seed, users=60, days=scenario.days, start_us=parse_time(scenario.start))
    with TemporaryDirectory(prefix="highwater-demo-") as folder:
        own = {"host": "127.0.0.1", "port": port, "data_dir": Path(folder), "admin_token": None, "metrics_port": None, "raw_hours": 96}
        show(
            in_force.serve.model_copy(update=own),
            PipelineParameters(in_force.time, in_force.detection, in_force.correlation),
            simulation.changes,
            simulation.blocks(),
            say=lambda line: print(line, flush=True),
            exit_when_done=exit_when_done,
        )
