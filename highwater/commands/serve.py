"""`highwater serve`: the embedded monitor."""

import os
import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from highwater.loading import without_collection
from highwater.options import ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    config: ConfigFile = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the database, the journal and the checkpoints.")] = None,
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="Serve page and API from the results of the Kafka workers.")] = False,
) -> None:
    """Run the embedded monitor: events in over HTTP, page and API out, one folder of data, no other server needed."""
    with without_collection():
        from models.errors import UnreadableInput
        from service.composition import compose
        from service.http.server import serve as serve_monitor
        from service.operations.logging_setup import set_up
        from streams.kafka.cluster.parameters import needs_kafka
        from streams.pipeline import PipelineParameters

        in_force = settings(config, serve={"port": port, "data_dir": data})
    set_up(in_force.serve.log_level)
    os.umask(0o077)  # Files are readable by this account only, whatever the folder's permissions.
    if from_kafka:
        needs_kafka()
    flow = PipelineParameters(in_force.time, in_force.detection, in_force.correlation)
    try:
        parts = compose(in_force.serve, flow, kafka=in_force.kafka if from_kafka else None, changes=in_force.changes)
        parts.monitor.start()
    except sqlite3.DatabaseError as fault:
        raise UnreadableInput(f"the data file in {in_force.serve.data_dir} can't be used: {fault}; restore a backup") from fault
    try:
        if parts.first_secret:
            typer.echo(f"admin token (shown only this once): {parts.first_secret}")
        serve_monitor(parts, lambda address: print(f"listening on {address}", flush=True))
    finally:
        parts.monitor.close()
