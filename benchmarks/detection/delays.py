"""Delays: how many windows a change needs to be found, beside other tests at the same false-alarm rate and beside the optimum."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.fleet import Condition, Fleet
from benchmarks.detection.online import Online, begun
from benchmarks.detection.optimum import optimum
from benchmarks.detection.peers import Ewma, Peer, Shewhart, delays, threshold
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import Floats

FACTORS = (1.2, 1.5, 2.0, 4.0, 0.5, 0.0)
GROUPS = ((3.0, 10.0), (10.0, 30.0), (30.0, 100.0), (100.0, 1000.0))
"""Messages due in the first window of the change."""
STARTS_H = (2.5, 12.5, 20.5)
"""Hours of the day at which the change begins: night, noon, evening."""
BUDGETS = ((20.0, None), (0.1, 10_000))
"""False alarms a day and series they are shared among (None: those of this fleet)."""
MOST = 300


@dataclass(frozen=True, slots=True)
class Start:
    """A moment with all that was learned up to it."""

    window: int
    packed: dict[str, Any]

    def online(self, fleet: Fleet, parameters: DetectionParameters) -> Online:
        """A detection that goes on from here."""
        online = Online(fleet, parameters, self.window)
        online.detection = Detection.unpack(parameters, fleet.window_s, self.packed)
        return online


def print_delays(asked: Asked) -> None:
    """Mean, 95th percentile and ratio to the optimum by factor and messages due, for both budgets."""
    series, days, quiet = (400, 9, 2) if asked.quick else (1000, 14, 4)
    fleet = Fleet(Condition("phi 2"), series, asked.seed, days=days + 2)
    online = Online(fleet, DetectionParameters(false_alarms_per_day=BUDGETS[0][0], fleet_series=series))
    online.run((days - quiet) * fleet.windows_a_day)
    peers: dict[str, Peer] = {"Shewhart": Shewhart(), "EWMA": Ewma()}
    scores: dict[str, list[Floats]] = {name: [] for name in peers}
    for _ in range(quiet * fleet.windows_a_day):
        z = online.standardised(online.step())
        for name, peer in peers.items():
            scores[name].append(peer.score(z).astype(np.float32))
    limits = {name: threshold(each, BUDGETS[0][0] * quiet, least=3.0) for name, each in scores.items()}
    starts = []
    for hour in STARTS_H:
        while online.window % fleet.windows_a_day != int(hour * 60) * 60 // fleet.window_s:
            online.step()
        starts.append(Start(online.window, online.detection.pack()))
    print(f"Delay in windows of {fleet.window_s} s after {days} days of history: mean (95th percentile), {MOST} where it was not found")
    for alarms, shared in BUDGETS:
        parameters = DetectionParameters(false_alarms_per_day=alarms, fleet_series=shared or series)
        beside = (peers, limits) if shared is None else ({}, {})
        print(f"\n{alarms:g} false alarms a day over {shared or series} series; {series} series, phi 2, seed {asked.seed}")
        print(f"{'change':<9} {'due':>9} {'optimum':>14} {'Highwater':>14} {'ratio':>6} " + " ".join(f"{name:>14}" for name in beside[0]))
        for factor in FACTORS:
            _print_factor(fleet, parameters, starts, factor, *beside)


def _print_factor(
    fleet: Fleet, parameters: DetectionParameters, starts: list[Start], factor: float, peers: dict[str, Peer], limits: dict[str, float]
) -> None:
    alarms = parameters.false_alarms_per_day * fleet.series / parameters.fleet_series
    fleet.branch = 1
    best = optimum(fleet, factor, alarms, first=0, windows=fleet.windows_a_day)
    by_rule: dict[str, list[Floats]] = {name: [] for name in ("optimum", "Highwater", *peers)}
    due = []
    for start in starts:
        fleet.branch = 2
        due.append(fleet.rates(start.window))
        by_rule["optimum"].append(best.delays(fleet, start.window, lambda window: fleet.counts(window, factor), MOST))
        by_rule["Highwater"].append(product_delays(fleet, parameters, start, factor))
        for name, peer in peers.items():
            changed = _changed(fleet, parameters, start, factor)
            by_rule[name].append(delays(peer, limits[name], changed, fleet.series, MOST))
    fleet.branch = 1
    rows, messages = {name: np.concatenate(each) for name, each in by_rule.items()}, np.concatenate(due)
    name = "silence" if factor == 0.0 else f"×{factor:g}"
    for low, high in GROUPS:
        here = (messages >= low) & (messages < high)
        columns = {who: f"{values[here].mean():.1f} ({np.quantile(values[here], 0.95):.0f})" for who, values in rows.items()}
        ratio = rows["Highwater"][here].mean() / rows["optimum"][here].mean()
        others = " ".join(f"{columns[who]:>14}" for who in peers)
        print(f"{name:<9} {f'{low:g}–{high:g}':>9} {columns['optimum']:>14} {columns['Highwater']:>14} {ratio:>6.2f} {others}", flush=True)


def product_delays(fleet: Fleet, parameters: DetectionParameters, start: Start, factor: float) -> Floats:
    """Windows until the first serious finding that the change can mean, for each series; `MOST` where there is none."""
    wanted = {"storm"} if factor > 1.0 else {"drop", "silence"}
    by_rule = np.full(fleet.series, float(MOST))
    online = start.online(fleet, parameters)
    for after in range(MOST):
        for kind, series in begun(online.step(factor).traffic):
            if kind in wanted:
                by_rule[series] = min(by_rule[series], after + 1.0)
        if np.all(by_rule <= after + 1.0):
            break
    return by_rule


def _changed(fleet: Fleet, parameters: DetectionParameters, start: Start, factor: float) -> Iterator[Floats]:
    online = start.online(fleet, parameters)
    return (online.standardised(online.step(factor)) for _ in range(MOST))
