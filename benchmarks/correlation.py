"""How accurate the correlation is on simulated days without tuning, compared with other methods on the same alerts.

    python benchmarks/correlation.py [--seeds 40] [--first-seed 5000] [--users 20] [--scenario undeclared] [--json FILE]

Every seed simulates two times three days of `decoys` (one incident among eight to twenty harmless changes), and one of the other
scenarios in turn; `--scenario` makes only that one, once a seed. Ctrl-C ends it with the figures so far. The baselines are shown the onset,
User, services and regions of the alert that found each anomaly, and the calendar as it was known then.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this file's own name would hide the package that it measures

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.campaign import Run, run
from benchmarks.rankers import RANKERS, Question
from models.alert import Alert
from models.canonical_json import to_json
from models.times import us
from simulator.realities import REALITIES
from simulator.scenarios import SCENARIOS
from simulator.score import ScoredAlert, finding_alert
from simulator.score_blame import score_blame
from simulator.score_course import score_course
from simulator.truth import Anomaly

OTHERS = tuple(name for name in SCENARIOS if name not in ("decoys", "clock-change"))
DECOYS_A_SEED = 2


@dataclass(slots=True)
class Tally:
    """Counts over all runs."""

    counts: Counter[str] = field(default_factory=Counter)
    scores: list[tuple[float, bool]] = field(default_factory=list)
    """(score, whether that suspect was the cause) of every suspect that is not excluded."""
    faults: list[str] = field(default_factory=list)
    """What to look at."""
    reports: dict[str, Counter[str]] = field(default_factory=dict)
    """What the changes did, in truth → verdicts of their last reports."""
    course: dict[str, list[float]] = field(default_factory=dict)
    """Figure of `simulator.score_course` → its value in every run that had one."""
    correlate_s: float = 0.0
    days: int = 0

    def add(self, one: Run) -> None:
        """One run's figures."""
        truth, score = one.truth, one.score
        wanted = [anomaly for anomaly in truth.anomalies if not anomaly.collateral and not anomaly.weather]
        waking = [alert for alert in one.scored if alert.woke_us is not None and alert.raised_us >= truth.judged_from_us]
        called = {name for alert in one.scored for name in alert.probable}
        wrong = called & set(truth.harmless)
        self.counts.update(
            wanted=len(wanted),
            missed=len(score.missed),
            waking=len(waking),
            stray=len(score.stray),
            harmless=len(set(truth.harmless)),
            probable=len(wrong),
        )
        self.faults += [f"{one.scenario}:{one.seed} {what}" for what in (*score.missed, *score.stray, *score.misattributed, *sorted(wrong))]
        self._report(one)
        blame = score_blame(one.scored, [json.loads(to_json(alert)) for alert in one.alerts], truth)
        self.counts.update(
            blamed=blame.blamed,
            misled=len(blame.misled),
            wrong_blame=len(blame.wrong_blame),
            false_warnings=len(blame.false_warnings),
        )
        for what, ids in (("wrong", blame.wrong_blame), ("warned", blame.false_warnings), ("misled", blame.misled)):
            self.faults += [f"{one.scenario}:{one.seed} {what} {alert_id}" for alert_id in ids]
        incidents, reports = ([json.loads(to_json(record)) for record in records] for records in (one.incidents, one.reports))
        for name, value in score_course(one.scored, incidents, reports, truth).as_json().items():
            if value is not None:
                self.course.setdefault(name, []).append(float(value))
        self.correlate_s += one.correlate_s
        self.days += one.days
        for anomaly in wanted:
            first = finding_alert(anomaly, one.scored, truth)
            if first is not None:
                self._attribute(one, anomaly, first)

    def _report(self, one: Run) -> None:
        """Which verdicts the changes of a run got, by what they did."""
        caused = {anomaly.caused_by for anomaly in one.truth.anomalies} - set(one.truth.as_expected)
        for change_id, verdict in {report.change_id: report.verdict for report in one.reports}.items():
            did = "harm" if change_id in caused else "as declared" if change_id in one.truth.as_expected else "nothing"
            self.reports.setdefault(did, Counter())[verdict] += 1
            if (did, verdict) in (("harm", "no_impact"), ("nothing", "impact")):
                self.faults.append(f"{one.scenario}:{one.seed} {change_id} did {did}, reported {verdict}")

    def _attribute(self, one: Run, anomaly: Anomaly, first: ScoredAlert) -> None:
        kind = "declared" if anomaly.caused_by else "undeclared" if anomaly.origin_user else "nobody"
        alert = [alert for alert in one.alerts if alert.alert_id == first.alert_id][-1]
        top = alert.suspects[0] if alert.suspects else None
        answers = {
            "Highwater": (
                None if top is None or top.verdict == "excluded" else top.change_id,
                top is not None and top.verdict == "probable",
            )
        }
        question = _question(one, alert, first)
        for name, ranker in RANKERS.items():
            ranking = ranker(question)
            answers[name] = (ranking[0].change_id if ranking else None, bool(ranking))
        self.counts[kind] += 1
        for name, (change_id, sure) in answers.items():
            self.counts[f"{name} right"] += kind == "declared" and change_id == anomaly.caused_by
            self.counts[f"{name} blamed"] += kind != "declared" and change_id is not None and sure
        named = top is not None and top.basis == "undeclared" and top.owner == anomaly.origin_user
        self.counts["named"] += kind == "undeclared" and named
        accused = kind == "nobody" and top is not None and top.basis == "undeclared"
        self.counts["accused"] += accused
        if accused:
            self.faults.append(f"{one.scenario}:{one.seed} {anomaly.id} laid at {first.user}")
        for suspect in alert.suspects:
            if suspect.verdict != "excluded":
                right = (
                    suspect.change_id == anomaly.caused_by
                    if suspect.change_id
                    else kind == "undeclared" and suspect.owner == anomaly.origin_user
                )
                self.scores.append((suspect.score, bool(right)))

    def figures(self) -> dict[str, Any]:
        """The figures of the issue."""
        counts = self.counts
        table = {
            name: {
                "top1": _share(counts[f"{name} right"], counts["declared"]),
                "blames_a_change_wrongly": _share(counts[f"{name} blamed"], counts["undeclared"] + counts["nobody"]),
            }
            for name in ("Highwater", *RANKERS)
        }
        return {
            "days": self.days,
            "anomalies": counts["wanted"],
            "recall": _share(counts["wanted"] - counts["missed"], counts["wanted"]),
            "precision": _share(counts["waking"] - counts["stray"], counts["waking"]),
            "undeclared": counts["undeclared"],
            "undeclared_named": _share(counts["named"], counts["undeclared"]),
            "nobodys_fault_but_a_user_named": _share(counts["accused"], counts["nobody"]),
            "harmless_changes": counts["harmless"],
            "harmless_called_probable": _share(counts["probable"], counts["harmless"]),
            "attribution": table,
            "reports": {did: dict(sorted(self.reports[did].items())) for did in sorted(self.reports)},
            "course": {
                name: {"mean": round(float(np.mean(values)), 4), "worst": min(values) if name == "collateral_recall" else max(values)}
                for name, values in sorted(self.course.items())
            },
            "victims_top1": _share(counts["blamed"] - counts["misled"], counts["blamed"]),
            "wrong_blame": counts["wrong_blame"],
            "false_warnings": counts["false_warnings"],
            "calibration": calibration(self.scores),
            "times_real_time": round(self.days * 86_400 / max(self.correlate_s, 1e-9)),
            "look_at": self.faults,
        }


def calibration(scores: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Brier score, expected calibration error, and mean score against share right in fifths."""
    if not scores:
        return {}
    given, right = np.array([score for score, _ in scores]), np.array([float(true) for _, true in scores])
    bins = np.minimum((given * 5).astype(int), 4)
    rows = [
        (float(given[bins == index].mean()), float(right[bins == index].mean()), int((bins == index).sum())) for index in np.unique(bins)
    ]
    error = sum(abs(mean - share) * count for mean, share, count in rows) / len(given)
    return {
        "brier": round(float(((given - right) ** 2).mean()), 4),
        "error": round(error, 4),
        "fifths": [{"score": round(mean, 3), "right": round(share, 3), "suspects": count} for mean, share, count in rows],
    }


def _question(one: Run, alert: Alert, first: ScoredAlert) -> Question:
    named = alert.series
    known = tuple(change for change in one.changes if change.updated_at is None or us(change.updated_at) <= first.detected_us)
    faults = tuple(
        (earlier.onset_us, earlier.user) for earlier in one.scored if earlier.user is not None and earlier.detected_us <= first.detected_us
    )
    services = frozenset({named.service} - {None}) if named.service else frozenset()
    regions = frozenset({named.region}) if named.region else frozenset()
    return Question(first.onset_us, first.user, services, regions, known, faults)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def cases(seeds: int, first: int, scenario: str | None = None) -> Iterator[tuple[str, int]]:
    """(scenario, seed): decoys at every seed, the other scenarios in turn; or one scenario alone."""
    for seed in range(first, first + seeds):
        if scenario is not None:
            yield scenario, seed
            continue
        for number in range(DECOYS_A_SEED):
            yield "decoys", seed * 10 + number
        yield OTHERS[(seed - first) % len(OTHERS)], seed


def main() -> int:
    """Run the campaign and print its figures as JSON, progress on stderr."""
    parser = argparse.ArgumentParser(description="Measure the correlation on simulated days.")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=5000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--scenario", choices=SCENARIOS, help="only this one, once a seed")
    parser.add_argument("--reality", action="append", choices=REALITIES, default=[], help="what ordinary traffic does beside it")
    parser.add_argument("--window-s", type=int, default=60)
    parser.add_argument("--longer-window-s", type=int, help="of every second User")
    parser.add_argument("--days", type=int, help="other than the scenario's own")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    tally = Tally()
    try:
        runs = list(cases(arguments.seeds, arguments.first_seed, arguments.scenario))
        for number, (scenario, seed) in enumerate(runs, start=1):
            tally.add(
                run(
                    scenario,
                    seed,
                    arguments.users,
                    days=arguments.days,
                    window_s=arguments.window_s,
                    longer_window_s=arguments.longer_window_s,
                    realities=tuple(arguments.reality),
                )
            )
            print(f"\r{number} of {len(runs)} simulations", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("\nstopped: these are the figures of the simulations so far", end="", file=sys.stderr)
    print(file=sys.stderr)
    text = json.dumps(tally.figures(), indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
