"""Length: another system's long names and titles become ones that a running monitor accepts."""

from hashlib import sha256

from changes.limits import LONGEST_TITLE, NAME_BYTES_MAX

_DIGEST_CHARACTERS = 16
"""Of the hash at the end of an id that was cut: what begins alike stays different."""


def accepted_id(text: str) -> str:
    """`text`; if it has more bytes than an id may have, its beginning and a hash of the whole."""
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) <= NAME_BYTES_MAX:
        return text
    beginning = encoded[: NAME_BYTES_MAX - _DIGEST_CHARACTERS - 1].decode("utf-8", "ignore").rstrip()
    return f"{beginning}-{sha256(encoded).hexdigest()[:_DIGEST_CHARACTERS]}"


def accepted_title(text: str) -> str:
    """`text`; if it has more characters than a title may have, its beginning and `…`."""
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1].rstrip()}…"
