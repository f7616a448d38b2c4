"""The `day` scenario from seeds that nobody tuned on, one line a seed: `python -m benchmarks.days --first 107 --seeds 10`."""

import argparse
from statistics import median

from benchmarks.campaign import run
from models.times import us


def main() -> None:
    """Both incidents found, the right change on top, delays, and alerts that belong to nothing."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--first", type=int, default=107, help="the first seed")
    ask.add_argument("--seeds", type=int, default=10, help="how many")
    ask.add_argument("--users", type=int, default=60)
    asked = ask.parse_args()
    recalled = named = main_anomalies = strays = 0
    delays: dict[str, list[float]] = {"silence": [], "storm": []}
    spent_s, days = 0.0, 0
    print(f"{'seed':>5} {'recall':>7} {'precision':>9} {'right on top':>12} {'stray':>6}  delay in windows")
    for seed in range(asked.first, asked.first + asked.seeds):
        done = run("day", seed, asked.users)
        spent_s, days = spent_s + done.correlate_s, days + done.days
        wanted = [one for one in done.truth.anomalies if not one.collateral and not one.weather]
        shown = {}
        for anomaly in wanted:
            kind = "silence" if "silence" in anomaly.kinds and anomaly.id == "firewall" else "storm"
            firsts = [us(alert.detected_at) for alert in done.alerts if (alert.user, alert.kind) == (anomaly.user, kind)]
            onset_us = anomaly.onset_us
            after = [at for at in firsts if at >= onset_us]
            shown[kind] = (min(after) - onset_us) / 60e6 if after else float("inf")
            delays[kind].append(shown[kind])
        main_anomalies += len(wanted)
        recalled += len(wanted) - len(done.score.missed)
        named += len(wanted) - len(done.score.missed) - len(done.score.misattributed)
        strays += len(done.score.stray)
        windows = ", ".join(f"{kind} {delay:.1f}" for kind, delay in shown.items())
        score, stray = done.score, len(done.score.stray)
        print(f"{seed:>5} {score.recall!s:>7} {score.precision!s:>9} {score.attribution_top1!s:>12} {stray:>6}  {windows}", flush=True)
    print(f"{asked.seeds} days: {recalled} of {main_anomalies} incidents found, {named} with the right change on top;")
    print(f"{strays} alerts of warning or above on the third days belong to nothing")
    print(f"correlation took {spent_s:.1f} s of CPU for {days} days of {asked.users} Users: {days * 86_400 / spent_s:,.0f} times real time")
    for kind, all_delays in delays.items():
        print(f"{kind}: decided {median(all_delays):.1f} windows after it began (median), {max(all_delays):.1f} at most")


if __name__ == "__main__":
    main()
