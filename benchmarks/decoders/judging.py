"""What each decoder makes of events that the contract refuses, and of an event's good neighbours."""

from typing import Any

from benchmarks.decoders.peers import PEERS, our_columns
from models.errors import HighwaterError

GOOD = (
    b'{"kind":"traffic","observed_at":"2026-01-05T00:01:00Z","window_s":60,"user":"SUP-01","direction":"to_dsp",'
    b'"message_class":"command","messages":12,"failures":1}'
)
BAD = {
    "a number as text": (b'"messages":12', b'"messages":"12"'),
    "a fraction of a message": (b'"messages":12', b'"messages":12.5'),
    "true for a number": (b'"messages":12', b'"messages":true'),
    "more than 10^12 messages": (b'"messages":12', b'"messages":1000000000001'),
    "more failures than messages": (b'"failures":1', b'"failures":13'),
    "a time without offset": (b"00:01:00Z", b"00:01:00"),
    "no User": (b'"user":"SUP-01",', b""),
    "an unknown direction": (b"to_dsp", b"to_dps"),
    "not JSON": (b'"failures":1}', b'"failures":1'),
    "not UTF-8": (b"SUP-01", b"SUP-\xff"),
}


def differences() -> dict[str, dict[str, Any]]:
    """By decoder: what it accepts although the contract refuses it, and events lost when one of 100 is not JSON."""
    text = b"\n".join([GOOD] * 50 + [GOOD[:-1]] + [GOOD] * 49) + b"\n"
    return {
        name: {
            "accepts": [what for what, change in BAD.items() if _accepted(decode, GOOD.replace(*change))],
            "kept_of_99": _kept(decode, text),
        }
        for name, decode in {"ours": our_columns, **PEERS}.items()
    }


def _accepted(decode: Any, line: bytes) -> bool:
    return _kept(decode, GOOD + b"\n" + line + b"\n") == 2


def _kept(decode: Any, text: bytes) -> int:
    try:
        return len(decode(text).value)
    except (ValueError, KeyError, TypeError, HighwaterError):
        return 0
