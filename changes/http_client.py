"""Sending: changes declared at a running monitor over HTTP."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from changes.files.calendar_files import Withdrawn
from changes.limits import CURRENT_US, is_past_occurrence
from models.canonical_json import decode, to_json
from models.change import Change
from models.errors import ConfigurationError, UnreadableInput
from models.times import format_time

TIMEOUT_S = 120
PARCEL = 500
"""Changes in one request."""
PAST_MAX = 500
"""Times of series that were over long ago, up to which they are sent."""


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
    withdrawn: list[Withdrawn]
    """Times of a series that the newest export no longer holds, and changes whose record has another name now."""
    doubts: list[str]
    """Changes that likely stand under another owner too, a line each."""
    left_out: int
    """Times of series that were over long ago: they are not sent."""


def send_changes(changes: Sequence[Change], address: str, token: str, now_us: int) -> Sent:
    """Posts changes to `address` (`http://127.0.0.1:8480`), many at once; one that is refused does not stop the others.

    Where there are many times of series that were over long before `now_us`, they are not sent: a monitor compares nothing with them, and
    they would use up a quota.

    Raises UnreadableInput if nobody answers, ConfigurationError for an address that is none.
    """
    connection = _connection(address)
    current = [one for one in changes if not is_past_occurrence(one, now_us)]
    since_us = now_us - CURRENT_US if len(changes) - len(current) > PAST_MAX else None
    current = list(changes) if since_us is None else current
    sent = Sent([], [], [], [], [], len(changes) - len(current))
    try:
        for parcel, more_follows in _parcels(current):
            _post(connection, parcel, token, sent, _query(more_follows=more_follows, since_us=since_us))
    except (OSError, http.client.HTTPException) as fault:
        raise UnreadableInput(f"{address} does not answer: {fault}") from None
    finally:
        connection.close()
    return sent


def _parcels(changes: Iterable[Change]) -> Iterator[tuple[list[Change], bool]]:
    """Changes for one request each, and whether more of the same series follows: then the request contains nothing else.

    The last times come first: where a quota is used up, it is by the nights that are to come and not by those of years ago.
    """
    latest_first = sorted(changes, key=lambda one: one.planned_start, reverse=True)
    parcel: list[Change] = []
    for _, times in groupby(sorted(latest_first, key=_series_name), key=_series_name):
        group = list(times)
        if parcel and len(parcel) + len(group) > PARCEL:
            yield parcel, False
            parcel = []
        while len(group) > PARCEL:
            yield group[:PARCEL], True
            group = group[PARCEL:]
        parcel += group
    if parcel:
        yield parcel, False


def _query(*, more_follows: bool, since_us: int | None) -> str:
    parts = ({"part": "true"} if more_follows else {}) | ({} if since_us is None else {"since": format_time(since_us)})
    return f"?{urlencode(parts)}" if parts else ""


def _series_name(change: Change) -> tuple[str, str]:
    return change.owner, change.series or change.change_id


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


def _post(connection: http.client.HTTPConnection, parcel: Sequence[Change], token: str, sent: Sent, query: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = b"[" + b",".join(map(to_json, parcel)) + b"]"
    connection.request("POST", f"/v1/changes{query}", body, headers)
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
        sent.withdrawn.extend(Withdrawn(one["change_id"], one["owner"], one.get("now")) for one in result.get("withdrawn", ()))
        sent.doubts.extend(map(str, result.get("doubts", ())))
    except (ValueError, AttributeError, KeyError, TypeError):
        sent.refused.extend(Refusal(change, f"{answer.status} {answer.reason}") for change in parcel)


def _sort(change: Change, item: Mapping[str, Any], sent: Sent) -> None:
    if item["status"] >= 300:
        sent.refused.append(Refusal(change, str(item["detail"])))
    elif item["status"] == 200:
        sent.known.append(change)
    else:
        sent.taken.append(change)
