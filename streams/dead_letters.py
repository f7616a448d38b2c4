"""Dead letters: rejected events as they are written, with the watermark of the moment."""

from collections.abc import Sequence

from models.columns import Rejection
from models.dead_letter import DeadLetter, raw_text
from models.times import instant


def dead_letters(rejected: Sequence[Rejection], watermarks_us: Sequence[int | None]) -> list[DeadLetter]:
    """One for each rejection; `watermarks_us` are those at which they were rejected, None before the first."""
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
