"""The monitor's clocks, handed in so that tests and the demo can set them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall_us`: microseconds since the epoch, may jump; `steady_s`: seconds that never do."""

    wall_us: Callable[[], int] = lambda: time.time_ns() // 1000
    steady_s: Callable[[], float] = time.monotonic
