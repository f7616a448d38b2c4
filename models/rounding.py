"""Numbers as they are written: four significant digits, half to even, integers bare, never NaN."""

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal

_FOUR = Context(prec=4, rounding=ROUND_HALF_EVEN)


def round_significant(value: float) -> int | float:
    """`value` to 4 significant digits; an int if no decimals remain.

    Raises ValueError for NaN and infinities: an unknown value must be null, not a number.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} can't be written: use null for an unknown value")
    if -1000 < value < 1000 and value == int(value):
        return int(value)
    rounded = _FOUR.plus(Decimal(repr(float(value))) if isinstance(value, float) else Decimal(int(value)))
    as_float = float(rounded)
    return int(rounded) if as_float.is_integer() and abs(as_float) < 1e16 else as_float


def round_significant_fast(value: float) -> float:
    """`value` to 4 significant digits, for comparisons that must not depend on the order of a sum; faster than the rounding for output."""
    return float(f"{value:.4g}")
