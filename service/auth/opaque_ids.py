"""Opaque ids: positions in a list or the event stream, in a form that reveals nothing about other Users' records."""

import base64
import hashlib
import hmac
import secrets
import sqlite3
import struct

from service.access import DESK, Principal
from service.problems import Problem

_FACT = "places"
_KEY_BYTES, _TAG_BYTES = 32, 8


class OpaqueIds:
    """Seals numbers for a holder: the same number always gives the same text, and the text of another holder is refused.

    Numbers count everyone's rows, so their size and their gaps would reveal how many records others have. The seal is a synthetic
    initialisation vector (RFC 5297's idea): a keyed hash of holder and numbers, under which the numbers are then masked.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def cursor(self, principal: Principal, of: str, position: tuple[int, ...] | int | None) -> str | None:
        """Where the next page of the list `of` begins; None at its end.

        No other list accepts it: the numbers of one list have no meaning in another.
        """
        if position is None:
            return None
        return self._seal(f"cursor:{of}:{principal.holder}", (position,) if isinstance(position, int) else position)

    def position(self, principal: Principal, of: str, cursor: str | None, size: int = 1) -> tuple[int, ...] | None:
        """The `size` numbers from which `cursor` was made for the list `of`. Raises Problem 400 for anything else."""
        if not cursor:
            return None
        numbers = self._unseal(f"cursor:{of}:{principal.holder}", cursor)
        if numbers is None or len(numbers) != size:
            raise Problem(400, "invalid cursor: pass the previous page's `next` unchanged")
        return numbers

    def event_id(self, principal: Principal, seq: int) -> str:
        """The id of an event in the stream; the triage desk, which sees every record, gets plain numbers."""
        return str(seq) if principal.holder == DESK else self._seal(f"event:{principal.holder}", (seq,))

    def event_seq(self, principal: Principal, text: str) -> int:
        """The number behind an event's id; 0 is the beginning for everyone. Raises Problem 400 for anything else."""
        if text == "0" or (principal.holder == DESK and text.isascii() and text.isdigit() and len(text) < 19):
            return int(text)
        numbers = None if principal.holder == DESK else self._unseal(f"event:{principal.holder}", text)
        if numbers is None:
            raise Problem(400, "invalid Last-Event-ID: send the id of the last event unchanged")
        return numbers[0]

    def message_id(self, holder: str, number: int) -> str:
        """The id of a message to a subscriber; the same at every attempt."""
        return f"msg_{number}" if holder == DESK else f"msg_{self._seal(f'message:{holder}', (number,))}"

    def _seal(self, purpose: str, numbers: tuple[int, ...]) -> str:
        plain = struct.pack(f"<{len(numbers)}q", *numbers)
        tag = self._hash(purpose, b"tag", plain)[:_TAG_BYTES]
        return base64.urlsafe_b64encode(tag + self._masked(purpose, tag, plain)).decode().rstrip("=")

    def _unseal(self, purpose: str, text: str) -> tuple[int, ...] | None:
        try:
            sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        except ValueError:
            return None
        tag, masked = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if len(masked) not in (8, 16):
            return None
        plain = self._masked(purpose, tag, masked)
        if not hmac.compare_digest(self._hash(purpose, b"tag", plain)[:_TAG_BYTES], tag):
            return None
        return struct.unpack(f"<{len(plain) // 8}q", plain)

    def _masked(self, purpose: str, tag: bytes, data: bytes) -> bytes:
        mask = self._hash(purpose, b"mask", tag)[: len(data)]
        return bytes(one ^ other for one, other in zip(data, mask, strict=True))

    def _hash(self, purpose: str, step: bytes, data: bytes) -> bytes:
        return hmac.digest(self._key, b"\0".join((purpose.encode(), step, data)), "sha256")


def monitor_id(key: bytes) -> str:
    """Eight digits that identify this monitor, the same after every restart; `key` as of `settled_key`."""
    return hashlib.blake2b(key, digest_size=4, person=b"monitor").hexdigest()


def settled_key(connection: sqlite3.Connection) -> bytes:
    """The data file's own key, created on first use: event ids and cursors stay valid after a restart."""
    connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (_FACT, secrets.token_hex(_KEY_BYTES)))
    return bytes.fromhex(connection.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()[0])
