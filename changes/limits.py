"""Limits of a declaration: an absurd window, factor, size or name is refused at declaration, with a reason."""

import unicodedata
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from changes.windows import effect_us
from models.canonical_json import to_json
from models.change import Change
from models.times import DAY_US, us
from models.vocabulary import GREATEST

_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Kinds of characters that are not seen, or that turn the text around them: two names that look alike would be different ones."""

CURRENT_US = 40 * DAY_US
"""How long after its end a change counts: then it has left the calendar."""

NAME_BYTES_MAX = 200
"""A `change_id` or an owner that is longer is refused."""
LONGEST_TITLE = 500
"""Unless the settings say otherwise: characters of a title."""

_STATUS_BYTES = 500
"""By which a revision may be larger than one before that was too large already, so that a status and its times can be added."""


class ChangeLimits(BaseModel):
    """The limits of a declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_window_days: float = Field(366, gt=0, description="A change whose window, or declared effect, is longer is refused.")
    furthest_days: float = Field(731, gt=0, description="A change that ends later than this from now is refused.")
    longest_title: int = Field(LONGEST_TITLE, ge=200, description="A change with a title of more characters is refused.")
    largest_change_kb: float = Field(64, ge=16, description="A change whose fields together are larger, as JSON, is refused.")


def all_excess(changes: Iterable[Change], now_us: int, limits: ChangeLimits) -> list[tuple[Change, str]]:
    """The changes that are not accepted, each with the reason."""
    return [(change, why) for change in changes if (why := excess(change, now_us, limits)) is not None]


def is_past_occurrence(change: Change, now_us: int) -> bool:
    """Whether it is a time of a repeating event that was over before the calendar begins: nothing is compared with it any more."""
    return change.series is not None and us(change.planned_end) <= now_us - CURRENT_US


def excess(change: Change, now_us: int, limits: ChangeLimits, before: Change | None = None) -> str | None:
    """Why the change is not accepted; None if it is.

    `before`: its latest revision; what was accepted once may stay as it is, so that an old change can be ended.
    """
    why = _too_much_text(change, limits, before)
    if why is not None:
        return why
    if change.expected is not None and change.expected.factor is not None and change.expected.factor > GREATEST:
        return f"expected.factor is greater than {GREATEST} (2^53), the greatest number that an input may hold"
    start_us, end_us = effect_us(change)
    start_us, end_us = min(start_us, us(change.planned_start)), max(end_us, us(change.planned_end))
    if end_us - start_us > limits.longest_window_days * DAY_US:
        return f"the window is longer than {limits.longest_window_days:g} days: declare the parts of it in which something is changed"
    if end_us > now_us + limits.furthest_days * DAY_US:
        return f"the window ends more than {limits.furthest_days:g} days from now: declare it when it is nearer"
    return None


def _too_much_text(change: Change, limits: ChangeLimits, before: Change | None) -> str | None:
    if before is None and any(unicodedata.category(mark) in _HIDDEN for mark in change.change_id):
        return "change_id holds characters that can't be seen, such as a line end: leave them out"
    if not change.title.strip() and (before is None or before.title.strip()):
        return "title must not be empty"
    if len(change.title) > max(limits.longest_title, len(before.title) if before else 0):
        return f"the title is longer than {limits.longest_title} characters: put the rest into the description"
    most, earlier = limits.largest_change_kb * 1000, len(to_json(before)) if before else 0
    if len(to_json(change)) > (earlier + _STATUS_BYTES if earlier > most else most):
        return f"the change is larger than {limits.largest_change_kb:g} kB: link to long texts instead"
    return None
