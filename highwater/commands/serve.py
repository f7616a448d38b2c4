"""`highwater serve`: the embedded monitor."""

from pathlib import Path
from typing import Annotated

import typer

from highwater.options import ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    config: ConfigFile = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the database, the journal and the checkpoints.")] = None,
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
    try:
        if monitor.first_secret:
            typer.echo(f"admin token (shown this once): {monitor.first_secret}")
        serve_monitor(monitor, lambda address: print(f"listening on {address}", flush=True))
    finally:
        monitor.close()
