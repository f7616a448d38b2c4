import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.change_ranking import hits, rank
from benchmarks.rollout_incidents import Incident, read

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HIGHWATER_DATA", ROOT.parent / "shared" / "data")) / "change-ranking"
NOW = 1_700_000_000


def kpi(pod: str, caller: str, callee: str, failing: dict[int, float]) -> dict[str, Any]:
    """Success of one edge, each minute of half an hour before NOW and five minutes after it; `failing`: minute → per cent lost."""
    times = [NOW + 60 * minute for minute in range(-30, 6)]
    success = [100.0 - failing.get(minute, 0.0) for minute in range(-30, 6)]
    return {"pod": pod, "caller": caller, "callee": callee, "t": times, "success_pct": success, "latency_ms": [1.0] * len(times)}


def change(service: str, start: int, ready: int | None = None) -> dict[str, Any]:
    """A roll-out of one new pod `start` seconds from NOW."""
    completed = NOW + (start + 65 if ready is None else ready)
    step = {"at": NOW + start, "new_pods": [f"{service}-v2-new"], "old_pods": [f"{service}-v1-old"], "completed_at": completed}
    return {"service": service, "started_at": NOW + start, "steps": [step]}


def incident(changes: list[dict[str, Any]], kpis: list[dict[str, Any]]) -> dict[str, Any]:
    calls = [["front", "cart"], ["front", "ads"], ["front", "checkout"], ["checkout", "cart"], ["checkout", "email"]]
    return {"incident": "one", "detected_at": NOW, "changes": changes, "calls": calls, "kpis": kpis}


FAULTY = incident(
    [change("cart", -300), change("ads", -150), change("email", -400)],
    [
        kpi("ads-v2-new", "front", "ads", {-1: 60.0, 0: 60.0, 1: 90.0}),
        kpi("ads-v1-old", "front", "ads", {}),
        kpi("cart-v2-new", "front", "cart", {}),
        kpi("cart-v1-old", "front", "cart", {}),
        kpi("email-v2-new", "checkout", "email", {3: 100.0}),
    ],
)


def test_the_roll_out_whose_new_pods_fail_is_on_top_with_reasons() -> None:
    ranking = rank(Incident.read(FAULTY))
    assert ranking[0]["service"] == "ads"
    assert ranking[0]["score"] > 0.9
    assert all(reason["code"] and reason["text"].endswith(".") for reason in ranking[0]["reasons"])
    assert {line["service"] for line in ranking} == {"cart", "ads", "email"}


def test_the_order_of_the_list_never_matters() -> None:
    turned = FAULTY | {"changes": FAULTY["changes"][::-1], "kpis": FAULTY["kpis"][::-1], "calls": FAULTY["calls"][::-1]}
    assert rank(Incident.read(turned)) == rank(Incident.read(FAULTY))


def test_nothing_after_the_detection_is_used() -> None:
    known = [
        one
        | {name: [value for at, value in zip(one["t"], one[name], strict=True) if at <= NOW] for name in ("t", "success_pct", "latency_ms")}
        for one in FAULTY["kpis"]
    ]
    assert rank(Incident.read(FAULTY | {"kpis": known})) == rank(Incident.read(FAULTY))
    late = [change("cart", -300), change("ads", -150), change("email", -400), change("front", -20, ready=45)]
    unfinished = [change("cart", -300), change("ads", -150), change("email", -400), change("front", -20, ready=4000)]
    assert rank(Incident.read(FAULTY | {"changes": late})) == rank(Incident.read(FAULTY | {"changes": unfinished}))


def test_healthy_new_pods_speak_for_a_roll_out() -> None:
    ranking = {line["service"]: line["score"] for line in rank(Incident.read(FAULTY))}
    assert ranking["cart"] < 0.05


def test_equal_scores_count_by_expectation() -> None:
    ranking = [{"service": name, "score": 0.25} for name in "abcd"]
    assert hits(ranking, "a", 1) == 0.25
    assert hits(ranking, "d", 3) == 0.75
    assert hits([{"service": "x", "score": 0.9}, *ranking], "a", 1) == 0


def test_it_runs_from_anywhere_and_a_missing_file_is_one_line(tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "change_ranking.py"
    file = tmp_path / "incidents.ndjson"
    file.write_text(json.dumps(FAULTY) + "\n")
    done = subprocess.run([sys.executable, script, file], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["ranking"][0]["service"] == "ads"
    missing = subprocess.run([sys.executable, script, tmp_path / "none.gz"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled data is not here")
def test_on_the_labelled_incidents_it_beats_what_was_published() -> None:
    truth = json.loads((DATA / "truth.json").read_text())
    by_key = {one.name: rank(one) for one in read(DATA / "incidents.ndjson.gz")}
    assert sum(hits(by_key[name], truth[name], 1) for name in truth) / len(truth) > 0.882
