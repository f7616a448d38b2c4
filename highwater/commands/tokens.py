"""`highwater tokens`: API tokens of the embedded monitor."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings

if TYPE_CHECKING:
    from service.store.database import Database

Data = Annotated[Path | None, typer.Option("--data", help="The monitor's data folder; default serve.data_dir.")]


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="API tokens of the embedded monitor; it may be running.", no_args_is_help=False)
    group.command("create")(create)
    group.command("list")(listed)
    group.command("revoke")(revoke)
    app.add_typer(group, name="tokens")


def create(
    role: Annotated[str, typer.Option("--role", help="ingest, observer, triage, user:<ID> or admin.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is.")],
    expires: Annotated[str | None, typer.Option("--expires", metavar="TIME", help="When it expires, RFC 3339; default: never.")] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a token. Its secret is shown only this once, because only its hash is stored."""
    from models.clock import Clock
    from models.errors import HighwaterError
    from models.times import parse_time
    from service.auth.token_admin import COMMAND_LINE, issue

    now_us = Clock().wall_us()
    expires_us = parse_time(expires) if expires else None
    if expires_us is not None and expires_us <= now_us:
        raise HighwaterError(f"--expires {expires} is in the past")
    with _opened(config, data) as database:
        job = partial(issue, by=COMMAND_LINE, role=role, name=name, now_us=now_us, expires_us=expires_us)
        token, secret = database.write(job).result()
    typer.echo(json.dumps({"id": token.id, "secret": secret}) if as_json else f"{token.id}: {secret}")


def listed(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List every token with its role, last use and expiry, but never its secret."""
    from dataclasses import asdict

    from models.times import format_time
    from service.store import tokens

    with _opened(config, data) as database:
        tokens_there = database.read(tokens.listed)
    rows = [
        {
            name.replace("_us", "_at"): format_time(value) if name.endswith("_us") and value else value
            for name, value in asdict(token).items()
        }
        for token in tokens_there
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        state = "revoked" if row["revoked_at"] else f"until {row['expires_at']}" if row["expires_at"] else "no end"
        typer.echo(f"{row['id']}  {row['role']:<20}  {row['name']:<30}  last used {row['used_at'] or 'never'}  {state}")


def revoke(
    token_id: Annotated[str, typer.Argument(help="The id from `tokens list`.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End a token and the sessions that it opened."""
    from models.clock import Clock
    from models.errors import HighwaterError
    from service.auth.token_admin import COMMAND_LINE, end

    with _opened(config, data) as database:
        if not database.write(partial(end, by=COMMAND_LINE, token_id=token_id, now_us=Clock().wall_us())).result():
            raise HighwaterError(f"there is no valid token {token_id!r:.40}: see highwater tokens list")
    typer.echo(json.dumps({"revoked": token_id}) if as_json else f"{token_id} is revoked")


@contextmanager
def _opened(config: Path | None, data: Path | None) -> Iterator["Database"]:
    from service.operations.backup import DATABASE
    from service.store.database import Database

    database = Database(settings(config, serve={"data_dir": data}).serve.data_dir / DATABASE)
    try:
        yield database
    finally:
        database.close()
