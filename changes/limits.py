"""Limits of a declaration: a window that is absurdly long or far away, or an absurd factor, is refused at declaration, with a reason."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from changes.windows import effect_us
from models.change import Change
from models.times import DAY_US, us
from models.vocabulary import GREATEST


class ChangeLimits(BaseModel):
    """The limits of a declared window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_window_days: float = Field(366, gt=0, description="A change whose window, or declared effect, is longer is refused.")
    furthest_days: float = Field(731, gt=0, description="A change that ends later than this from now is refused.")


def all_excess(changes: Iterable[Change], now_us: int, limits: ChangeLimits) -> list[tuple[Change, str]]:
    """The changes that are not accepted, each with the reason."""
    return [(change, why) for change in changes if (why := excess(change, now_us, limits)) is not None]


def excess(change: Change, now_us: int, limits: ChangeLimits) -> str | None:
    """Why the change's window or factor is not accepted; None if both are."""
    if change.expected is not None and change.expected.factor is not None and change.expected.factor > GREATEST:
        return f"expected.factor is greater than {GREATEST} (2^53), the greatest number that an input may hold"
    start_us, end_us = effect_us(change)
    start_us, end_us = min(start_us, us(change.planned_start)), max(end_us, us(change.planned_end))
    if end_us - start_us > limits.longest_window_days * DAY_US:
        return f"the window is longer than {limits.longest_window_days:g} days: declare the parts of it in which something is changed"
    if end_us > now_us + limits.furthest_days * DAY_US:
        return f"the window ends more than {limits.furthest_days:g} days from now: declare it when it is nearer"
    return None
