"""Sending: changes declared at a running monitor over HTTP."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from models.canonical_json import decode, to_json
from models.change import Change
from models.errors import ConfigurationError, UnreadableInput

TIMEOUT_S = 120
PARCEL = 500
"""Changes in one request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that the monitor refused, and the reason."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of changes that were sent."""

    taken: list[Change]
    """Declared, or revised."""
    known: list[Change]
    """They stood there already."""
    refused: list[Refusal]
    withdrawn: list[str]
    """Ids of times of a series that the newest export no longer holds."""


def send_changes(changes: Iterable[Change], address: str, token: str) -> Sent:
    """Posts changes to `address` (`http://127.0.0.1:8480`), many at once; one that is refused does not stop the others.

    Raises UnreadableInput if nobody answers, ConfigurationError for an address that is none.
    """
    connection = _connection(address)
    sent = Sent([], [], [], [])
    try:
        for parcel, more_follows in _parcels(changes):
            _post(connection, parcel, token, sent, more_follows=more_follows)
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    finally:
        connection.close()
    return sent


def _parcels(changes: Iterable[Change]) -> Iterator[tuple[list[Change], bool]]:
    """Changes for one request each, and whether more of the last one's series follows: the times of a series stay together.

    The last times come first: where a quota is used up, it is by the nights that are to come and not by those of years ago.
    """
    latest_first = sorted(changes, key=lambda one: one.planned_start, reverse=True)
    ordered = sorted(latest_first, key=lambda one: (one.owner, one.series or one.change_id))
    for first in range(0, len(ordered), PARCEL):
        parcel, following = ordered[first : first + PARCEL], ordered[first + PARCEL : first + PARCEL + 1]
        last = parcel[-1]
        yield parcel, bool(following) and last.series is not None and (following[0].owner, following[0].series) == (last.owner, last.series)


def fetch_changes(address: str, token: str, owners: frozenset[str] | None = None) -> list[Change]:
    """The last revision of every change that the token may see, or of those of `owners`. Raises UnreadableInput if no monitor answers."""
    connection = _connection(address)
    changes: list[Change] = []
    cursor: str | None = ""
    try:
        while cursor is not None:
            query = urlencode({"limit": "1000", **({"cursor": cursor} if cursor else {})})
            connection.request("GET", f"/v1/changes?{query}", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            page = json.loads(answer.read())
            if answer.status != 200:
                raise UnreadableInput(f"{address}: {page.get('detail') or answer.reason}")
            changes += [decode(Change, json.dumps(one)) for one in page["items"] if owners is None or one["owner"] in owners]
            cursor = page["next"]
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableInput(f"{address} does not answer as a monitor does") from None
    finally:
        connection.close()
    return changes


def user_of(address: str, token: str) -> str | None:
    """The User that `token` belongs to; None for a token of the desk. Raises UnreadableInput for a token that is none."""
    status, answer = _ask(address, token, "GET", "/v1/session")
    if status != 200:
        raise UnreadableInput(f"{address}: {answer.get('detail') or status}")
    user = answer.get("user")
    return user if isinstance(user, str) else None


def change_at(address: str, token: str, change_id: str, owner: str | None) -> Change | None:
    """The last revision of a change at a monitor, None if it has none. Raises UnreadableInput if several owners have that id."""
    name = quote(change_id, safe="") if owner is None else f"{quote(owner, safe='')}/{quote(change_id, safe='')}"
    status, answer = _ask(address, token, "GET", f"/v1/changes/{name}")
    if status == 404:
        return None
    if status != 200:
        raise UnreadableInput(f"{address}: {answer.get('detail') or status}")
    return decode(Change, json.dumps(answer))


def preview_at(address: str, token: str, change: Change) -> dict[str, Any]:
    """The conflicts and free times of a change as a monitor sees them; nothing where it refuses to say, which declaring will explain."""
    status, answer = _ask(address, token, "POST", "/v1/changes/preview", to_json(change))
    return answer if status == 200 else {}


def _ask(address: str, token: str, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    connection = _connection(address)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if not isinstance(content, dict):
            raise TypeError
        return answer.status, content
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    except (ValueError, TypeError):
        raise UnreadableInput(f"{address} does not answer as a monitor does") from None
    finally:
        connection.close()


def _connection(address: str) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{address!r} is not an address of a monitor: write it like http://127.0.0.1:8480")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=TIMEOUT_S)


def _post(connection: http.client.HTTPConnection, parcel: Sequence[Change], token: str, sent: Sent, *, more_follows: bool) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = b"[" + b",".join(map(to_json, parcel)) + b"]"
    connection.request("POST", "/v1/changes?part=true" if more_follows else "/v1/changes", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    try:
        result = json.loads(content)
        items = result.get("items")
        if not isinstance(items, list) or len(items) != len(parcel):
            reason = str(result.get("detail") or result.get("title") or f"{answer.status} {answer.reason}")
            items = [{"status": answer.status, "detail": reason}] * len(parcel)
        for change, item in zip(parcel, items, strict=True):
            _sort(change, item, sent)
        sent.withdrawn.extend(one["change_id"] for one in result.get("withdrawn", ()))
    except (ValueError, AttributeError, KeyError, TypeError):
        sent.refused.extend(Refusal(change, f"{answer.status} {answer.reason}") for change in parcel)


def _sort(change: Change, item: Mapping[str, Any], sent: Sent) -> None:
    if item["status"] >= 300:
        sent.refused.append(Refusal(change, str(item["detail"])))
    elif item["status"] == 200:
        sent.known.append(change)
    else:
        sent.taken.append(change)
