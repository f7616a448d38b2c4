"""Realities: what ordinary traffic does though nothing is wrong, one condition a line: false alerts, and delays of what is wrong in it."""

from benchmarks.campaign import Run, run
from benchmarks.detection.asked import Asked
from models.times import DAY_US
from simulator.realities import REALITIES

START, DAYS = "2026-03-16T00:00:00Z", 26
"""The clocks change on the 14th day; Good Friday and Easter Monday are the 19th and the 22nd; what goes wrong does so on the last day."""
LEARNING_DAYS = 8
PLAIN = "none of them"


def print_realities(asked: Asked) -> None:
    """Alerts of `warning` and above that belong to nothing, while it learns and after, and minutes to find a silence and a flood."""
    window_s, users, seeds = (900, 12, 1) if asked.quick else (300, 20, 3)
    print(f"Realities: {DAYS} days from {START}, {users} Users, windows of {window_s} s, {seeds} worlds from seed {asked.seed}")
    print(f"{'condition':<20} {'false, days 1-8':>15} {'false later':>12} {'found':>6}  minutes to find it")
    for name in (PLAIN, *REALITIES):
        early = late = wanted = 0
        delays: list[float] = []
        for seed in range(asked.seed, asked.seed + seeds):
            realities = () if name == PLAIN else (name,)
            done = run("first-weekend", seed, users, days=DAYS, start=START, window_s=window_s, realities=realities)
            false = false_us(done)
            begins_us = min(one.onset_us for one in done.truth.anomalies) // DAY_US * DAY_US - (DAYS - 1) * DAY_US
            first = sum(at_us < begins_us + LEARNING_DAYS * DAY_US for at_us in false)
            early, late = early + first, late + len(false) - first
            wanted += len(done.truth.anomalies)
            delays += found_min(done)
        scored = ", ".join(f"{delay:.0f}" for delay in sorted(delays))
        print(f"{name:<20} {early:>15} {late:>12} {f'{len(delays)}/{wanted}':>6}  {scored}", flush=True)


def false_us(done: Run) -> list[int]:
    """When alerts first woke somebody that belong to no anomaly; levels that moved and missing reports are counted apart."""
    return [
        one.woke_us
        for one in done.scored
        if one.woke_us is not None
        and one.kind not in ("drift", "stale")
        and not any(
            one.user in (None, anomaly.user) and anomaly.onset_us <= one.woke_us <= anomaly.ends_us + DAY_US // 24
            for anomaly in done.truth.anomalies
        )
    ]


def found_min(done: Run) -> list[float]:
    """Minutes from the onset of each anomaly that was found to the first alert of its kind."""
    delays = []
    for anomaly in done.truth.anomalies:
        firsts = [
            one.woke_us - anomaly.onset_us
            for one in done.scored
            if one.woke_us is not None
            and one.user == anomaly.user
            and one.kind in anomaly.kinds
            and anomaly.onset_us <= one.woke_us <= anomaly.ends_us
        ]
        delays += [min(firsts) / 60_000_000] if firsts else []
    return delays
