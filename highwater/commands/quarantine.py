"""`highwater quarantine`: Kafka records that the workers could not judge, and another try after an upgrade."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings

if TYPE_CHECKING:
    from streams.kafka.cluster.parameters import KafkaParameters

Bootstrap = Annotated[str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Brokers to call first.")]


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="Kafka records that could not be judged; those of `serve` are at /v1/quarantine.", no_args_is_help=False)
    group.command("list")(listed)
    group.command("retry")(retry)
    app.add_typer(group, name="quarantine")


def listed(config: ConfigFile = None, bootstrap: Bootstrap = None, as_json: AsJson = False) -> int:
    """Name each record with its reason; exit code 1 where there is one."""
    in_force = _cluster(config, bootstrap)
    from streams.kafka.cluster.quarantined_records import quarantined

    records = quarantined(in_force)
    if as_json:
        items = [
            {"topic": one.topic, "partition": one.partition, "offset": one.offset, "size_bytes": len(one.value), "reason": one.reason}
            for one in records
        ]
        typer.echo(json.dumps({"items": items}))
    else:
        lines = [f"{one.name.decode('utf-8', 'replace')}: {len(one.value)} bytes, {one.reason}" for one in records]
        typer.echo("\n".join(lines) or "nothing is in quarantine")
    return 1 if records else 0


def retry(config: ConfigFile = None, bootstrap: Bootstrap = None, as_json: AsJson = False) -> None:
    """Send events and changes to their topics once more. Use it after an upgrade; what is late by now goes to the dead letters."""
    in_force = _cluster(config, bootstrap)
    from streams.kafka.cluster.quarantined_records import quarantined, try_again

    records = quarantined(in_force)
    done = try_again(in_force, records)
    if as_json:
        typer.echo(json.dumps({"sent": done.sent, "superseded": done.superseded, "kept": done.kept}))
    else:
        typer.echo(
            f"{done.sent} records were sent once more, {done.superseded} changes have a later revision, {done.kept} stay in quarantine"
        )


def _cluster(config: ConfigFile, bootstrap: str | None) -> "KafkaParameters":
    from streams.kafka.cluster.parameters import needs_kafka

    in_force = settings(config, kafka={"bootstrap_servers": bootstrap}).kafka
    needs_kafka()
    return in_force
