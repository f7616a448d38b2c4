"""`highwater watermark`: sets the watermark of a running monitor back after a wrong clock moved it."""

import http.client
import json
from typing import Annotated
from urllib.parse import urlsplit

import typer

from highwater.options import AsJson
from models.errors import ConfigurationError, UnreadableInput

_TIMEOUT_S = 60
Address = Annotated[str, typer.Argument(metavar="URL", help="The running monitor, such as http://127.0.0.1:8480.")]
Token = Annotated[str, typer.Option("--token", envvar="HIGHWATER_TOKEN", show_default=False, help="An administrator's token.")]


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="The time that the monitor has come to.", no_args_is_help=True)
    group.command("reset")(reset)
    group.callback()(lambda: None)
    app.add_typer(group, name="watermark")


def reset(address: Address, token: Token = "", as_json: AsJson = False) -> None:
    """Let real events count again where a wrong clock moved the watermark into the future: open alerts end, what was learned stays."""
    answer = _post(address, token)
    typer.echo(json.dumps(answer) if as_json else f"the watermark was {answer['before'] or 'not set'}; it starts again with the next event")


def _post(address: str, token: str) -> dict[str, str | None]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{address} is no address of a monitor: write http://127.0.0.1:8480")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", "/v1/watermark/reset", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content: dict[str, str | None] = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise UnreadableInput(f"{address}: {content.get('detail') or answer.reason}")
    return content
