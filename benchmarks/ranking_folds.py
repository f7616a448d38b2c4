"""Nested evaluation of the ranking of roll-outs: terms are chosen without the incident that they are then tried on.

    python -m benchmarks.ranking_folds incidents.ndjson.gz truth.json

Each incident is also used with fewer of its samples (three times with 60 % of the series), since whole ones leave no room to choose.
"""

import argparse
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.change_ranking import VETOES, WEIGHTS, hits, rank
from benchmarks.rollout_incidents import Incident

ALL_TERMS = {"scope": 1.0, "onset": 1.0, "kind": 1.0, "share": 1.0, "controls": 1.0}
ALL_VETOES = ("abnormal_before", "controls_moved", "scope_untouched", "long_over")
MENU: Mapping[str, tuple[Mapping[str, float], tuple[str, ...]]] = {
    "in force": (WEIGHTS, VETOES),
    "all terms": (ALL_TERMS, ALL_VETOES),
    "onset in full": (WEIGHTS | {"onset": 1.0}, VETOES),
    "no onset": ({name: weight for name, weight in WEIGHTS.items() if name != "onset"}, VETOES),
    "no controls": ({name: weight for name, weight in WEIGHTS.items() if name != "controls"}, VETOES),
    "no vetoes": (WEIGHTS, ()),
}
KEPT, THINNED = 0.6, 3


def thinned(raw: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """The incident with `KEPT` of its series, drawn by its name and `number`."""
    draw = np.random.default_rng([number, *str(raw["incident"]).encode()])
    return {**raw, "kpis": [kpi for kpi in raw["kpis"] if draw.random() < KEPT]}


def main() -> None:
    """HR@1 of each entry of the menu, and of the nested choice, on whole and on thinned incidents."""
    parser = argparse.ArgumentParser(description="Nested evaluation of the ranking of roll-outs.")
    parser.add_argument("incidents", type=Path)
    parser.add_argument("truth", type=Path)
    asked = parser.parse_args()
    truth = json.loads(asked.truth.read_text())
    with gzip.open(asked.incidents, "rt", encoding="utf-8") as lines:
        raws = [json.loads(line) for line in lines if line.strip()]
    table = np.zeros((len(MENU), len(raws), 1 + THINNED))
    for column, raw in enumerate(raws):
        for variant in range(1 + THINNED):
            incident = Incident.read(raw if variant == 0 else thinned(raw, variant))
            for row, (weights, vetoes) in enumerate(MENU.values()):
                table[row, column, variant] = hits(rank(incident, weights, vetoes), truth[str(raw["incident"])], 1)
    for name, values in zip(MENU, table, strict=True):
        print(f"{name:<16} whole {values[:, 0].mean():.3f}  thinned {values[:, 1:].mean():.3f}")
    chosen = [table[np.delete(table, column, axis=1).mean(axis=(1, 2)).argmax(), column] for column in range(len(raws))]
    print(f"{'nested choice':<16} whole {np.mean([one[0] for one in chosen]):.3f}  thinned {np.mean([one[1:] for one in chosen]):.3f}")


if __name__ == "__main__":
    main()
