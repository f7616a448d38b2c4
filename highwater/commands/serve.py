"""`highwater serve`: the embedded monitor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import ConfigFile, settings

if TYPE_CHECKING:
    from service.following import Following
    from service.monitor import Monitor
    from streams.kafka.parameters import KafkaParameters


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
    from service.logs import set_up
    from service.monitor import Monitor
    from service.serving import serve as serve_monitor
    from streams.pipeline import PipelineParameters

    found = settings(config, serve={"port": port, "data_dir": data})
    set_up(found.serve.log_level)
    monitor = Monitor(found.serve, PipelineParameters(found.time, found.detection, found.correlation))
    monitor.open()
    following = _following(monitor, found.kafka) if from_kafka else None
    try:
        if monitor.first_secret:
            typer.echo(f"admin token (shown this once): {monitor.first_secret}")
        serve_monitor(monitor, lambda address: print(f"listening on {address}", flush=True))
    finally:
        if following is not None:
            following.close()
        monitor.close()


def _following(monitor: "Monitor", kafka: "KafkaParameters") -> "Following":
    from service.following import Following
    from streams.kafka.installed import needs_kafka

    needs_kafka()
    following = Following(monitor, kafka)
    following.start()
    return following
