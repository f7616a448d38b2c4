"""`highwater worker`: a share of the work on Kafka; any number of workers make one monitor."""

from pathlib import Path
from typing import Annotated

import typer

from highwater.options import ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("worker")(worker)


def worker(
    config: ConfigFile = None,
    bootstrap: Annotated[str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Brokers to connect to first.")] = None,
    learn_from: Annotated[
        Path | None,
        typer.Option("--learn-from", metavar="STATE", help="Expectations to start from (`highwater learn`), the same for all workers."),
    ] = None,
    loglevel: Annotated[str, typer.Option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> int:
    """Process a share of the telemetry partitions, and correlate if no other worker does; start as many workers as you like."""
    from config.stages import pipeline_parameters
    from streams.kafka.cluster.parameters import needs_kafka
    from streams.learned_state import read_state

    in_force = settings(config, kafka={"bootstrap_servers": bootstrap})
    needs_kafka()
    from streams.kafka.worker import run

    learned = read_state(learn_from) if learn_from is not None else {}
    return run(in_force.kafka, pipeline_parameters(in_force), learned, loglevel.upper())
