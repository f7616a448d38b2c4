"""False alarms, delays, peers, quiet weeks and speed of detection: `python -m benchmarks.detection --only delays --seed 7`."""

import argparse
import time
from collections.abc import Callable

from benchmarks.detection.asked import Asked
from benchmarks.detection.calibration import print_calibration
from benchmarks.detection.delays import print_delays
from benchmarks.detection.false_alarms import print_false_alarms
from benchmarks.detection.hard_cases import print_hard_cases
from benchmarks.detection.holidays import print_holidays
from benchmarks.detection.learning import print_learning
from benchmarks.detection.quiet import print_quiet
from benchmarks.detection.realities import print_realities
from benchmarks.detection.slow_peers import print_slow_peers
from benchmarks.detection.speed import print_speed
from benchmarks.detection.stalls import print_stalls
from benchmarks.nab.__main__ import print_nab

SECTIONS: dict[str, Callable[[Asked], None]] = {
    "calibration": print_calibration,
    "false-alarms": print_false_alarms,
    "delays": print_delays,
    "peers": print_slow_peers,
    "stalls": print_stalls,
    "learning": print_learning,
    "nab": lambda _: print_nab(),
    "quiet": print_quiet,
    "realities": print_realities,
    "hard-cases": print_hard_cases,
    "holidays": print_holidays,
    "speed": print_speed,
}


def main() -> None:
    """Every section that is asked for, in the order of `SECTIONS`, and what each took."""
    ask = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    ask.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections, all without it")
    ask.add_argument("--seed", type=int, default=2026)
    ask.add_argument("--quick", action="store_true", help="minutes instead of hours: fewer series, fewer days")
    ask.add_argument("--users", type=int, default=208, help="of the quiet weeks: 208 have 2,500 series")
    ask.add_argument("--days", type=int, default=30, help="of the quiet weeks")
    ask.add_argument("--window-s", type=int, default=10, help="of the quiet weeks")
    asked = ask.parse_args()
    for name, section in SECTIONS.items():
        if name in asked.only:
            began_s = time.process_time()
            section(Asked(asked.seed, asked.quick, asked.users, asked.days, asked.window_s))
            print(f"[{name}: {time.process_time() - began_s:.0f} CPU-s]\n", flush=True)


if __name__ == "__main__":
    main()
