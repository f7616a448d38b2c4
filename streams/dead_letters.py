"""Dead letters: the records of rejected events, with the watermark at rejection."""

from collections.abc import Sequence

from models.columns import Rejection
from models.dead_letter import DeadLetter, raw_text
from models.times import instant


def dead_letters(rejected: Sequence[Rejection], watermarks_us: Sequence[int | None]) -> list[DeadLetter]:
    """One per rejection; `watermarks_us` are those at rejection, None before the first event."""
    return [
        DeadLetter(
            source=rejection.source,
            position=dict(rejection.position),
            reason=rejection.reason,
            raw=raw_text(rejection.raw),
            rejected_at=None if watermark_us is None else instant(watermark_us),
        )
        for rejection, watermark_us in zip(rejected, watermarks_us, strict=True)
    ]
