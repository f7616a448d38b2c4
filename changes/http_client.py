"""Sending: changes declared at a running monitor over HTTP."""

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from models.canonical_json import decode, to_json
from models.change import Change
from models.errors import ConfigurationError, UnreadableInput

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that the monitor did not take, and its reason."""

    change: Change
    reason: str


def send_changes(changes: Iterable[Change], address: str, token: str) -> tuple[list[Change], list[Refusal]]:
    """Posts each change to `address` (`http://127.0.0.1:8480`); one that is refused does not stop the others.

    Raises UnreadableInput if nobody answers, ConfigurationError for an address that is none.
    """
    connection = _connection(address)
    taken: list[Change] = []
    refused: list[Refusal] = []
    try:
        for change in changes:
            reason = _post(connection, change, token)
            if reason is None:
                taken.append(change)
            else:
                refused.append(Refusal(change, reason))
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    finally:
        connection.close()
    return taken, refused


def fetch_changes(address: str, token: str) -> list[Change]:
    """The last revision of every change that the token may see. Raises UnreadableInput if nobody answers as a monitor does."""
    connection = _connection(address)
    found: list[Change] = []
    cursor: str | None = ""
    try:
        while cursor is not None:
            query = urlencode({"limit": "1000", **({"cursor": cursor} if cursor else {})})
            connection.request("GET", f"/v1/changes?{query}", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            page = json.loads(answer.read())
            if answer.status != 200:
                raise UnreadableInput(f"{address}: {page.get('detail') or answer.reason}")
            found += [decode(Change, json.dumps(one)) for one in page["items"]]
            cursor = page["next"]
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableInput(f"{address} does not answer as a monitor does") from None
    finally:
        connection.close()
    return found


def _connection(address: str) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{address!r} is no address of a monitor: write it like http://127.0.0.1:8480")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=TIMEOUT_S)


def _post(connection: http.client.HTTPConnection, change: Change, token: str) -> str | None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/changes", to_json(change), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status < 300:
        return None
    try:
        problem = json.loads(body)
        told = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        told = None
    return str(told or f"{answer.status} {answer.reason}")
