"""`highwater doctor`: checks for anything that could prevent Highwater from working."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings

if TYPE_CHECKING:
    from service.operations.doctor import Check
    from streams.kafka.cluster.parameters import KafkaParameters


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(
    data: Annotated[Path | None, typer.Option("--data", help="The monitor's data folder; default serve.data_dir.")] = None,
    kafka: Annotated[bool, typer.Option("--kafka", help="Check the Kafka cluster and its topics too.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check configuration, data folder, address and clock, with advice for each fault. Exit 1 if there is one."""
    from service.operations.doctor import Check, checks

    in_force = settings(config, serve={"data_dir": data})
    seen = [Check("configuration", good=True, found="every key is valid"), *checks(in_force.serve)]
    if kafka:
        seen += _kafka(in_force.kafka)
    if as_json:
        typer.echo(json.dumps([asdict(look) for look in seen]))
    else:
        for look in seen:
            typer.echo(f"{'ok   ' if look.good else 'FAULT'}  {look.what}: {look.found}{'' if look.good else f' -> {look.advice}'}")
    if not all(look.good for look in seen):
        raise typer.Exit(1)


def _kafka(parameters: "KafkaParameters") -> "list[Check]":
    from models.errors import HighwaterError
    from service.operations.doctor import Check
    from streams.kafka.cluster.parameters import needs_kafka

    brokers = parameters.bootstrap_servers
    try:
        needs_kafka()
        from streams.kafka.cluster import quarantined_records, topic_admin

        with topic_admin.admin(parameters) as client:
            faults = topic_admin.faults(client, topic_admin.specs(parameters))
        waiting = 0 if faults else len(quarantined_records.quarantined(parameters))
    except HighwaterError as fault:
        return [Check("kafka", good=False, found=str(fault), advice="start the brokers, or set kafka.bootstrap_servers and kafka.security")]
    topic = Check("topics", good=not faults, found="; ".join(faults) or "as required", advice="highwater topics create")
    quarantine = Check(
        "quarantine",
        good=not waiting,
        found=f"{waiting} records could not be judged" if waiting else "empty",
        advice="look at `highwater quarantine list`, upgrade, then `highwater quarantine retry`",
    )
    return [Check("kafka", good=True, found=brokers), topic, quarantine]
