"""Dead letters: rejected events as they are written, with the watermark of the moment."""

from collections.abc import Sequence

from models.columns import Rejection
from models.dead_letter import DeadLetter


def dead_letters(rejected: Sequence[Rejection], watermarks_us: Sequence[int | None]) -> list[DeadLetter]:
    """One for each rejection; `watermarks_us` are those at which they were rejected, None before the first."""
    return [DeadLetter.of(rejection, watermark_us) for rejection, watermark_us in zip(rejected, watermarks_us, strict=True)]
