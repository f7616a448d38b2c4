"""How long `highwater learn` takes over a month of a small fleet: frames of one minute each, written to a temporary folder.

python -m benchmarks.learning [--days 30] [--users 60] [--series 12]

Wall and CPU time of the command, start-up and reading from disk included. The text of a month of 60 Users takes 6 GB.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from models.times import DAY_US, MINUTE_US, format_time, parse_time

START_US = parse_time("2026-03-02T00:00:00Z")
MINUTES_A_DAY = DAY_US // MINUTE_US
SIDES = (("to_dsp", "service_request"), ("to_user", "service_response"))


def heads(users: int, series: int) -> list[str]:
    """The fields that name each series."""
    return [
        f'"user":"U{user:02d}","direction":"{side}","message_class":"{message_class}","service":"{number % 9 + 1}.{number // 9 + 1}"'
        for user in range(users)
        for number in range(series)
        for side, message_class in [SIDES[number % 2]]
    ]


def write(path: Path, days: int, users: int, series: int, seed: int) -> None:
    """One frame a minute: rates with a curve over the day, 1 % failures."""
    draw, names = np.random.default_rng(seed), heads(users, series)
    rates, shift = np.exp(draw.normal(2.5, 1.0, len(names))), draw.uniform(0, 6, len(names))
    with path.open("w") as file:
        for minute in range(days * MINUTES_A_DAY):
            at_us = START_US + (minute + 1) * MINUTE_US
            hour = at_us % DAY_US / DAY_US * 24
            messages = draw.poisson(rates * (1 + 0.6 * np.cos((hour - 14 + shift) / 24 * 2 * np.pi)))
            failures = draw.binomial(messages, 0.01)
            start = f'{{"kind":"traffic","observed_at":"{format_time(at_us)}","window_s":60,'
            values = zip(names, messages.tolist(), failures.tolist(), strict=True)
            file.write("[" + ",".join(f'{start}{name},"messages":{sent},"failures":{failed}}}' for name, sent, failed in values) + "]\n")


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("days", 30), ("users", 60), ("series", 12), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.ndjson"
        write(events, asked.days, asked.users, asked.series, asked.seed)
        used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "highwater", "learn", str(events), "--out", str(Path(folder) / "state")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    count = asked.days * MINUTES_A_DAY * asked.users * asked.series
    fleet = f"{asked.days} days of {asked.users} Users x {asked.series} series by the minute"
    print(f"learn, {fleet} ({count:,} events): {wall_s:.1f} s, {cpu_s:.1f} CPU s")


if __name__ == "__main__":
    main()
