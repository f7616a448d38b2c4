"""Dead letter: an input that could not be used, with its position and the reason."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from models.times import At
from models.wire_model import WireModel

RAW_MAX_BYTES = 4096
"""Number of bytes of the original text that are kept."""


def raw_text(raw: bytes) -> str:
    """The original as text of at most 4 KiB; invalid UTF-8 is replaced."""
    text = raw[: RAW_MAX_BYTES + 4].decode("utf-8", errors="replace").encode()
    return text[:RAW_MAX_BYTES].decode("utf-8", errors="ignore")


class DeadLetter(WireModel):
    """One malformed, late or never released piece of input (topic `dead-letters`)."""

    source: str
    """The file, token or topic that it arrived by."""
    position: dict[str, int | str]
    """Line and index, or topic, partition, offset and index."""
    reason: Annotated[str, Field(min_length=1)]
    raw: Annotated[str, BeforeValidator(lambda raw: raw_text(raw if isinstance(raw, bytes) else str(raw).encode("utf-8", "replace")))]
    """The original text, at most 4 KiB."""
    rejected_at: At | None = None
    """In a replay the watermark at that moment; null before the first one."""
