"""`highwater schema`: the schemas for developers of producers and consumers."""

import json
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("schema")(schema)


def schema(
    name: Annotated[str | None, typer.Argument(help="One model, such as TrafficEvent, Change or Alert; without it all of them.")] = None,
    asyncapi: Annotated[bool, typer.Option("--asyncapi", help="Print the AsyncAPI 3 document of the Kafka topics instead.")] = False,
) -> None:
    """Print the JSON Schema of every model, or the AsyncAPI document of the topics."""
    from models.asyncapi import asyncapi as topics_document
    from models.distribution import installed_version

    typer.echo(json.dumps(topics_document(installed_version()) if asyncapi else _schema(name), indent=2, ensure_ascii=False))


def _schema(name: str | None) -> dict[str, Any]:
    from models.schema import all_schemas, schema_of

    return all_schemas() if name is None else schema_of(name)
