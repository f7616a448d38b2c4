"""`highwater serve`: the embedded monitor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import ConfigFile, settings

if TYPE_CHECKING:
    from config.settings import Settings
    from service.kafka.event_forwarder import EventForwarder
    from service.kafka.result_reader import ResultReader
    from service.monitor import Monitor


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    config: ConfigFile = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the database, the journal and the checkpoints.")] = None,
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="Page and API on what the Kafka workers decide.")] = False,
) -> None:
    """Run the embedded monitor: events in over HTTP, page and API out, one folder of data, no other server needed."""
    from service.http.server import serve as serve_monitor
    from service.monitor import Monitor
    from service.operations.logging_setup import set_up
    from streams.pipeline import PipelineParameters

    found = settings(config, serve={"port": port, "data_dir": data})
    set_up(found.serve.log_level)
    monitor = Monitor(found.serve, PipelineParameters(found.time, found.detection, found.correlation))
    monitor.open()
    beside = _on_kafka(monitor, found) if from_kafka else ()
    try:
        if monitor.first_secret:
            typer.echo(f"admin token (shown this once): {monitor.first_secret}")
        serve_monitor(monitor, lambda address: print(f"listening on {address}", flush=True))
    finally:
        for each in beside:
            each.close()
        monitor.close()


def _on_kafka(monitor: "Monitor", found: "Settings") -> tuple["ResultReader", "EventForwarder"]:
    """What workers decide comes in, what is posted goes out."""
    from service.kafka.event_forwarder import EventForwarder
    from service.kafka.result_reader import ResultReader
    from streams.kafka.cluster.parameters import needs_kafka

    needs_kafka()
    following, forwarding = ResultReader(monitor, found.kafka), EventForwarder(found.kafka, int(found.serve.backlog_mb * 1_000_000))
    following.start()
    monitor.intake.elsewhere = forwarding
    return following, forwarding
