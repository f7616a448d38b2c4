"""Asked: what the command line wants measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of `python -m benchmarks.detection`."""

    seed: int
    quick: bool
    """Minutes instead of hours: fewer series, fewer days."""
    users: int = 208
    """Of the quiet weeks: 208 Users have 2,500 series, as 100 Users with 25 each."""
    days: int = 30
    window_s: int = 10
