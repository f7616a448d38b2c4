"""Hostile input by a seed: events, bodies, changes, calendars and addresses, each with what must hold of the answer."""

import gzip
import json
import random
from collections.abc import Sequence
from typing import Any

from tests.service.builders import change_json, lines, queue

ODD_NUMBERS: Sequence[Any] = (-1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**64, 10**30, 1.5, -0.0, "5", True, None, [], {})
ODD_TEXTS: Sequence[Any] = (
    "",
    " ",
    "A" * 65,
    "A" * 100_000,
    "ACME\r\nX: y",
    "\u0410CME",  # a Cyrillic A
    "ACME\u202e",
    "\ud800",
    "\x00",
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>",
    7,
    None,
    [],
    {"a": 1},
)
ODD_TIMES: Sequence[Any] = (
    "2099-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-01-05T00:00:00",
    "2026-13-01T00:00:00Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T00:00:60Z",
    "2026-01-05T00:00:00+99:00",
    "now",
    0,
    1e300,
    None,
)
_TRAFFIC = {"kind": "traffic", "direction": "to_dsp", "message_class": "command", "messages": 5, "service": "4.8.1", "codes": {"E1": 1}}
SOUND = queue(10, "SOUND")


def event(chance: random.Random) -> dict[str, Any]:
    """One that is broken, odd or enormous in up to three fields."""
    made: dict[str, Any] = {**queue(chance.randrange(0, 600, 10), f"U-{chance.randrange(9)}")}
    if chance.random() < 0.5:
        made = {**_TRAFFIC, "observed_at": made["observed_at"], "user": made["user"]}
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice([*made, "window_s", "failures", "capacity", "oldest_age_s", "region", "unknown"])
        if name == "codes" or chance.random() < 0.1:
            made["codes"] = {str(chance.choice(ODD_TEXTS))[:70]: chance.choice(ODD_NUMBERS) for _ in range(chance.randrange(4))}
        elif name in ("observed_at", "kind"):
            made[name] = chance.choice(ODD_TIMES)
        elif name in ("user", "direction", "message_class", "service", "region", "queue"):
            made[name] = chance.choice(ODD_TEXTS)
        else:
            made[name] = chance.choice(ODD_NUMBERS)
    return made


def body(chance: random.Random) -> bytes:
    """A body of events with pieces of others in it; packed, cut or twice packed now and then."""
    made = bytearray(lines(*(queue(10, f"U-{user}") for user in range(chance.randrange(1, 6)))))
    for _ in range(chance.randrange(1, 12)):
        index = chance.randrange(len(made))
        piece = chance.choice([b"[", b"]", b"{", b"}", b'"', b"\n", b",", b"\\u0000", b"\xff", b"9" * 30, b"null", b"-", b"1e999", b"\x00"])
        made[index : index + chance.randrange(0, 9)] = piece
    if chance.random() < 0.1:
        packed = gzip.compress(bytes(made))
        return chance.choice([packed, packed[: -chance.randrange(1, 9)], packed + b"x", gzip.compress(packed), packed * 3])
    return bytes(made)


def change(chance: random.Random) -> Any:
    """What a User declares, with something wrong, odd or about somebody else in it."""
    if chance.random() < 0.05:
        return chance.choice([None, 5, "x", [], [[]], {"change_id": {}}])
    made: dict[str, Any] = change_json(f"H-{chance.randrange(40)}")
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice(
            [*made, "revision", "users", "expected", "declared_at", "updated_at", "category", "status", "visibility", "source"]
        )
        if name.endswith(("_start", "_end", "_at")):
            made[name] = chance.choice(ODD_TIMES)
        elif name == "users":
            made[name] = chance.choice([["BOLT"], [f"U-{n}" for n in range(500)], "BOLT", [1], None])
        elif name == "expected":
            made[name] = chance.choice([{"effect": "up", "factor": chance.choice(ODD_NUMBERS)}, {"effect": "silent"}, 5, {"until": "2099"}])
        elif name == "revision":
            made[name] = chance.choice(ODD_NUMBERS)
        else:
            made[name] = chance.choice(ODD_TEXTS)
    return made


def calendar(chance: random.Random) -> bytes:
    """An iCalendar file that is cut, endless, or not what it says."""
    rule = chance.choice(["FREQ=DAILY", "FREQ=SECONDLY;INTERVAL=0", "FREQ=YEARLY;COUNT=999999999", "FREQ=MINUTELY;BYSECOND=0,1,2", "X", ""])
    zone = chance.choice(["", ";TZID=Europe/London", ";TZID=../../etc/passwd", ";TZID=No/Where"])
    begin = chance.choice(["20260105T000000Z", "20260105T000000", "20260105", "99991231T235959Z", "00010101T000000Z", "2026", ""])
    text = "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            *(["BEGIN:VEVENT"] * chance.randrange(1, 4)),
            f"UID:{chance.choice(['a', 'ACME/1', '', 'x' * 5000, 'a;b,c'])}",
            f"SUMMARY:{str(chance.choice(ODD_TEXTS))[:2000]}".encode("utf-8", "replace").decode(),
            f"DTSTART{zone}:{begin}",
            f"DURATION:{chance.choice(['PT1H', 'PT1H', '-PT1H', 'P99999999D', 'x'])}",
            *([f"RRULE:{rule}"] if rule else []),
            *([f"EXDATE:{begin}"] if chance.random() < 0.5 else []),
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    ).encode()
    for _ in range(chance.randrange(4)):
        index = chance.randrange(len(text))
        text = text[:index] + chance.choice([b"\xff", b"\r\n", b":", b";", b"\x00", b""]) + text[index + chance.randrange(5) :]
    return text


_HOSTS = (
    "127.0.0.1", "localhost", "0.0.0.0",  # noqa: S104 - hostile on purpose
    "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "2130706433", "0x7f.1", "127.1",
    "metadata.google.internal", "example.com@127.0.0.1", "127.0.0.1#example.com", "ⓛocalhost", "017700000001", "[fe80::1%25lo]", "",
)  # fmt: skip
_SCHEMES = ("http", "https", "file", "gopher", "ftp", "json", "jsons", "slack", "discord", "tgram", "mailto", "HTTPS", "ht\ttp", "")


def address(chance: random.Random) -> str:
    """Where a message should go: inwards, to a file, by a service that nobody allowed, or with more behind it."""
    if chance.random() < 0.2:
        tail = chance.choice(["\r\nX: y", "\n", "\x00", " a", "\u202e", "#x", "\\evil.example", "\t"])
        return f"https://example.com/{tail}"
    host, scheme = chance.choice(_HOSTS), chance.choice(_SCHEMES)
    user = chance.choice(["", "user:pass@", "%0d%0aHost:x@", "a@b@"])
    port = chance.choice(["", ":80", ":65536", ":-1", ":0"])
    tail = chance.choice(["", "/", "/?template=/etc/passwd", "/x?to=a%0d%0aBcc:b@c.example", "/?rto=100000", "#x", "/\r\nX: y", "/../.."])
    return f"{scheme}://{user}{host}{port}{tail}"


def as_json(value: Any) -> bytes:
    """As a client would send it; lone surrogates stay escaped."""
    return json.dumps(value).encode()
