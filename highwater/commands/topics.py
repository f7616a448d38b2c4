"""`highwater topics`: the Kafka topics with their settings, and the rights of a User on its own topics."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings
from models.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.kafka.cluster.parameters import KafkaParameters

Users = Annotated[list[str] | None, typer.Option("--user", metavar="USER", help="A User whose own topics are included; may be repeated.")]
Bootstrap = Annotated[str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Brokers to connect to first.")]


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="Kafka topics with their settings.", no_args_is_help=False)
    group.command("create")(create)
    group.command("check")(check)
    group.command("grant")(grant)
    app.add_typer(group, name="topics")


def create(config: ConfigFile = None, bootstrap: Bootstrap = None, user: Users = None, as_json: AsJson = False) -> None:
    """Create the topics that are missing."""
    in_force = _cluster(config, bootstrap)
    from streams.kafka.cluster import topic_admin

    wanted = topic_admin.specs(in_force, _checked(user))
    with topic_admin.admin(in_force) as client:
        made = topic_admin.create(client, wanted)
    if as_json:
        typer.echo(json.dumps({"made": made, "there": sorted({spec.name for spec in wanted} - set(made))}))
    else:
        typer.echo("\n".join(f"made {name}" for name in made) or "every topic existed already")


def check(config: ConfigFile = None, bootstrap: Bootstrap = None, user: Users = None, as_json: AsJson = False) -> int:
    """Compare the topics with the required settings; exit code 1 if something differs."""
    in_force = _cluster(config, bootstrap)
    from streams.kafka.cluster import topic_admin

    with topic_admin.admin(in_force) as client:
        faults = topic_admin.faults(client, topic_admin.specs(in_force, _checked(user)))
    if as_json:
        typer.echo(json.dumps({"faults": faults}))
    else:
        typer.echo("\n".join(faults) or "every topic has the required settings")
    return 1 if faults else 0


def grant(
    user: Annotated[str, typer.Argument(help="The User whose alerts and reports may be read.")],
    principal: Annotated[str, typer.Option("--principal", metavar="TYPE:NAME", help="The reader's principal at the brokers.")],
    config: ConfigFile = None,
    bootstrap: Bootstrap = None,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the grants instead of printing the commands.")] = False,
) -> None:
    """Print the commands that let a User's own consumer read its alerts and nothing else (or --apply them)."""
    in_force = _cluster(config, bootstrap)
    from streams.kafka.cluster import acls, topic_admin

    if ":" not in principal:
        raise ConfigurationError(f"--principal {principal} has no type: write User:{principal}")
    given = acls.grants(in_force, _checked([user])[0], principal)
    if not apply:
        typer.echo("\n".join(each.command(in_force.bootstrap_servers) for each in given))
        return
    with topic_admin.admin(in_force) as client:
        acls.allow(client, given)
    typer.echo(f"{principal} may read {', '.join(sorted({each.name for each in given if each.kind == 'topic'}))}")


def _cluster(config: Path | None, bootstrap: str | None) -> "KafkaParameters":
    """The connection to Kafka. Raises ConfigurationError if the settings are wrong or the Kafka clients are not installed."""
    from streams.kafka.cluster.parameters import needs_kafka

    in_force = settings(config, kafka={"bootstrap_servers": bootstrap}).kafka
    needs_kafka()
    return in_force


def _checked(users: list[str] | None) -> list[str]:
    from pydantic import TypeAdapter, ValidationError

    from models.vocabulary import UserId

    for user in users or []:
        try:
            TypeAdapter(UserId).validate_python(user)
        except ValidationError:
            raise ConfigurationError(f"{user!r:.80} is not a User ID: 1 to 64 of A-Z a-z 0-9 _ . -") from None
    return users or []
