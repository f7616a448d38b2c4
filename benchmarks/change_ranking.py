"""Ranking of concurrent roll-outs on a microservice test bed by Highwater's own evidence (the form is that of `change-ranking/`).

    python benchmarks/change_ranking.py incidents.ndjson.gz [--truth truth.json]

One NDJSON line an incident: `incident`, `ranking: [{"service", "score", "reasons": [{"code", "text"}]}]`, best first. A roll-out is a
change, its service the scope, its new pods the part that the change touched, all other pods the controls; failing calls are the incident.
The terms and vetoes are some of `correlation.attribution.scoring` (`WEIGHTS`). What came after `detected_at` is dropped while
reading. With `--truth`, a last line on stderr gives HR@1 and HR@3, ties by expectation.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the neighbour correlation.py would hide the package of that name

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from benchmarks.rollout_incidents import Incident, Samples, read
from correlation.attribution.scoring import ELSEWHERE, OWN, OWN_SERVICE, CandidateFeatures, CandidateScores, kind_fit, score, scores

SCRAPE_S = 60.0
"""One sample a minute: the onset is known no better."""
RECENT_S = 130.0
"""Two scrapes: what fails in them is the incident."""
PACE_S = 120.0
"""Harm shows within minutes of a pod's start here, not within hours."""
_LEAST_FAILING = 0.02
WATCHED_S = 600.0
"""A roll-out counts as in progress for so long after the detection."""
WEIGHTS = {"scope": 1.0, "onset": 0.5, "controls": 1.0}
"""Terms that say something here. All candidates are releases and their failures are of one kind, and a service's share of failing pods says
what the controls say; samples are a minute apart, as far as half the pace of a failure, so the onset counts half."""
VETOES = ("abnormal_before", "controls_moved")
RULED_OUT = -8.0


def rank(incident: Incident, weights: Mapping[str, float] = WEIGHTS, vetoes: tuple[str, ...] = VETOES) -> list[dict[str, Any]]:
    """The roll-outs of one incident, best first; equal scores by name."""
    failing = _failing(incident)
    evidence = _evidence(incident, failing)
    weighed = _weighed(score(evidence, PACE_S), weights, vetoes)
    shares, _ = scores(weighed.total, np.array([0.0]), [str(number) for number in range(len(weighed.total))])
    lines = [
        {"service": change["service"], "score": round(float(shares[index]), 6), "reasons": _reasons(evidence, weighed, index)}
        for index, change in enumerate(incident.changes)
    ]
    return sorted(lines, key=lambda line: (-line["score"], line["service"]))


def _weighed(scored: CandidateScores, weights: Mapping[str, float], vetoes: tuple[str, ...]) -> CandidateScores:
    """The same with these terms and vetoes alone."""
    terms = {name: weight * scored.terms[name] for name, weight in weights.items()}
    kept = {name: scored.vetoes[name] for name in vetoes}
    ruled_out = np.any(np.stack([np.zeros_like(scored.total, np.bool_), *kept.values()]), axis=0)
    return CandidateScores(terms, kept, np.asarray(sum(terms.values()) + RULED_OUT * ruled_out, np.float64))


def _failing(incident: Incident) -> dict[tuple[str, str], float]:
    """(caller, callee) → how badly such calls fail now, beyond what they ever did before."""
    worst: dict[tuple[str, str], float] = {}
    for one in incident.samples:
        recent = one.at_s > incident.detected_s - RECENT_S
        usual = float(one.failing[~recent].max()) if (~recent).any() else 0.0
        now = float(one.failing[recent].max()) if recent.any() else 0.0
        if now > usual + _LEAST_FAILING:
            edge = (one.caller, one.callee)
            worst[edge] = max(worst.get(edge, 0.0), now)
    return worst


def _onset_s(incident: Incident) -> float:
    """Middle of the first recent minute in which calls fail more than they ever did before on their edge."""
    times = []
    for one in incident.samples:
        recent = one.at_s > incident.detected_s - RECENT_S
        usual = float(one.failing[~recent].max()) if (~recent).any() else 0.0
        times += one.at_s[recent & (one.failing > usual + _LEAST_FAILING)].tolist()
    return min(times, default=incident.detected_s) - SCRAPE_S / 2


def _evidence(incident: Incident, failing: Mapping[tuple[str, str], float]) -> CandidateFeatures:
    onset_s = _onset_s(incident)
    rows = [_row(incident, change, failing, onset_s) for change in incident.changes]
    names = ("tier", "coverage", "lead_s", "length_s", "exact", "inside", "inside_share", "outside_share", "delta", "p_value")
    columns = {name: np.array([row[index] for row in rows], np.float64) for index, name in enumerate(names)}
    count = len(rows)
    return CandidateFeatures(
        tier=columns["tier"].astype(np.int64),
        coverage=columns["coverage"],
        lead_s=columns["lead_s"],
        length_s=columns["length_s"],
        settle_s=np.full(count, 1800.0),
        exact=columns["exact"] > 0,
        error_s=np.full(count, SCRAPE_S / 2),
        kind=np.full(count, kind_fit("release", ("failures",))),
        inside=columns["inside"],
        inside_share=columns["inside_share"],
        outside_share=columns["outside_share"],
        delta=columns["delta"],
        p_value=columns["p_value"],
    )


def _row(incident: Incident, change: Mapping[str, Any], failing: Mapping[tuple[str, str], float], onset_s: float) -> tuple[float, ...]:
    tier, coverage = _scope(incident, str(change["service"]), failing)
    start_s, exact = _start(incident, change)
    touched = _touched(incident, change, start_s)
    return (tier, coverage, onset_s - start_s, max(incident.detected_s - start_s, 0.0) + WATCHED_S, float(exact), *touched)


def _scope(incident: Incident, service: str, failing: Mapping[tuple[str, str], float]) -> tuple[int, float]:
    """Scope tier and the share of the failing calls that the service takes part in, as an end of them or further down."""
    total = sum(failing.values())
    if total == 0:
        return OWN, 1.0
    direct = sum(weight for edge, weight in failing.items() if service in edge)
    below = sum(weight for edge, weight in failing.items() if service not in edge and service in _downstream(incident.calls, edge[1]))
    tier = OWN_SERVICE if direct > 0 else OWN if below > 0 else ELSEWHERE
    return tier, (direct + below) / total


def _start(incident: Incident, change: Mapping[str, Any]) -> tuple[float, bool]:
    """When its first new pod came into service; else when that is to be expected, which is a plan and no fact."""
    ready = [step["ready"] for step in change["steps"] if step["ready"] is not None]
    if ready:
        return float(ready[0]), True
    if change["started_at"] > incident.detected_s:
        return float(change["started_at"]), True
    took = [step["ready"] - step["at"] for one in incident.changes for step in one["steps"] if step["ready"] is not None]
    return float(change["started_at"]) + float(np.median(took) if took else SCRAPE_S), False


def _downstream(calls: Mapping[str, frozenset[str]], service: str) -> frozenset[str]:
    """Everything that `service` calls, directly or not."""
    rankings: set[str] = set()
    waiting = [service]
    while waiting:
        for callee in calls.get(waiting.pop(), frozenset()) - rankings:
            rankings.add(callee)
            waiting.append(callee)
    return frozenset(rankings)


def _touched(incident: Incident, change: Mapping[str, Any], start_s: float) -> tuple[float, float, float, float, float]:
    """New pods that can be judged, their failing share, that of the service's other pods, difference in differences, placebo p-value."""
    new = {pod for step in change["steps"] for pod in step["new_pods"]}
    pods = [one for one in incident.samples if one.pod.startswith(f"{change['service']}-")]
    treated = _by_pod((one for one in pods if one.pod in new), start_s)
    control = _by_pod((one for one in pods if one.pod not in new), max(start_s, incident.detected_s - RECENT_S))
    outside_share = float((control > _LEAST_FAILING).mean()) if len(control) else np.nan
    if not len(treated):
        return np.nan, np.nan, outside_share, np.nan, np.nan
    past = np.concatenate([np.zeros(0), *(one.failing[one.at_s <= start_s] for one in pods)])
    delta = float(treated.mean() - (control.mean() if len(control) else 0.0))
    delta = delta if delta > _LEAST_FAILING else 0.0
    p_value = (1.0 + float((past >= delta).sum())) / (1.0 + len(past))
    return float(len(treated)), float((treated > _LEAST_FAILING).mean()), outside_share, delta, p_value


def _by_pod(samples: Iterable[Samples], since_s: float) -> np.ndarray:
    """(pods,) each pod's worst edge: the mean share of its calls that failed since then."""
    worst: dict[str, float] = {}
    for one in samples:
        later = one.failing[one.at_s > since_s]
        if len(later):
            worst[one.pod] = max(worst.get(one.pod, 0.0), float(later.mean()))
    return np.array([worst[pod] for pod in sorted(worst)], np.float64)


_VETOES = {
    "abnormal_before": "Ruled out: calls failed before it had begun.",
    "controls_moved": "Ruled out: pods that it did not touch fail alike.",
    "scope_untouched": "Ruled out: most of its new pods work.",
    "long_over": "Ruled out: it had long been over.",
}


def _reasons(evidence: CandidateFeatures, weighed: CandidateScores, index: int) -> list[dict[str, str]]:
    """Vetoes, then the terms by weight, each with its nats: for the change where positive."""
    lead_s, share = float(evidence.lead_s[index]), float(evidence.coverage[index])
    texts = {
        "scope": f"It takes part in {share:.0%} of the failing calls, as an end of them or further down",
        "onset": f"The failures began {lead_s:.0f} s after its new pods came"
        if lead_s >= 0
        else f"It came {-lead_s:.0f} s after the failures",
        "kind": "A release often brings failures",
        "share": "Share of its new pods, and of the others, that fail",
        "controls": "Its new pods against the old ones",
    }
    reasons = [{"code": code, "text": _VETOES[code]} for code, flags in weighed.vetoes.items() if flags[index]]
    for name, nats in sorted(weighed.terms.items(), key=lambda item: (-abs(float(item[1][index])), item[0])):
        reasons.append({"code": name, "text": f"{texts[name]} ({float(nats[index]):+.2f} nats)."})
    return reasons


def hits(ranking: list[dict[str, Any]], truth: str, indices: int) -> float:
    """Chance that `truth` is among the first `places` when equal scores are drawn in any order."""
    mine = next(line["score"] for line in ranking if line["service"] == truth)
    above = sum(bool(line["score"] > mine) for line in ranking)
    tied = sum(bool(line["score"] == mine) for line in ranking)
    return min(float(max(indices - above, 0)) / tied, 1.0)


def main() -> int:
    """Print the rankings; exit 2 with one line when the file can't be read."""
    parser = argparse.ArgumentParser(description="Rank concurrent roll-outs by Highwater's evidence.")
    parser.add_argument("incidents", type=Path)
    parser.add_argument("--truth", type=Path, help="incident -> service at fault, as JSON: HR@1 and HR@3 on stderr")
    arguments = parser.parse_args()
    rankings: dict[str, list[dict[str, Any]]] = {}
    try:
        truth = json.loads(arguments.truth.read_text()) if arguments.truth else {}
        for incident in read(arguments.incidents):
            rankings[incident.name] = rank(incident)
            print(json.dumps({"incident": incident.name, "ranking": rankings[incident.name]}, separators=(",", ":")))
    except BrokenPipeError:
        sys.stdout = None  # the reader of our output has closed the pipe
        return 0
    except (OSError, EOFError, ValueError, KeyError, TypeError) as fault:
        print(f"change_ranking: {arguments.incidents} can't be read: {fault}; give NDJSON in the form of change-ranking/", file=sys.stderr)
        return 2
    known = [name for name in rankings if name in truth]
    if known:
        first, third = (sum(hits(rankings[name], truth[name], indices) for name in known) / len(known) for indices in (1, 3))
        print(f"{len(known)} incidents: HR@1 {first:.3f}, HR@3 {third:.3f}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
