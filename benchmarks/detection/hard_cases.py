"""Hard cases: small or short changes that are still worth an alert, on fleets that learned online; found, and how soon."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.fleet import Condition, Fleet
from benchmarks.detection.online import Online, begun
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import Flags, Floats

HISTORIES = 2, 8, 14
"""Days that were watched before; `--quick` leaves out the last."""
WINDOWS_S = 60, 10


@dataclass(frozen=True, slots=True)
class HardCase:
    """One kind of change: when it begins, how long it lasts, and in which series (by messages due a window when it begins)."""

    name: str
    kinds: frozenset[str]
    hour: float
    minutes: int
    due: Callable[[Floats], Flags]
    factor: float = 1.0
    failing: float = 1.0
    """Factor of the failures."""


CASES = (
    HardCase("×1.5 for two hours, 8 to 30 a window", frozenset({"storm"}), 12.0, 120, lambda due: (due >= 8) & (due < 30), 1.5),
    HardCase("×1.25 for two hours, 100 a window and more", frozenset({"storm"}), 12.0, 120, lambda due: due >= 100, 1.25),
    HardCase("×0.6 for 90 minutes at night, 10 and more", frozenset({"drop"}), 2.5, 90, lambda due: due >= 10, 0.6),
    HardCase("×3 for three minutes, 20 and more", frozenset({"storm"}), 12.0, 3, lambda due: due >= 20, 3.0),
    HardCase("failures 2 to 6 % for two hours, 10 and more", frozenset({"failures"}), 12.0, 120, lambda due: due >= 10, failing=3.0),
    HardCase("silence of 2 to 4 a window, 30 minutes", frozenset({"silence"}), 12.0, 30, lambda due: (due >= 2) & (due < 4), 0.0),
)


def print_hard_cases(asked: Asked) -> None:
    """One line a case, length of the windows and history: series that carry it, those where it was found in time, their median delay."""
    series, histories = (100, HISTORIES[:2]) if asked.quick else (1000, HISTORIES)
    print(f"Hard cases, {series} series each, default budget; seed {asked.seed}")
    print(f"{'case':<46} {'window, s':>9} {'history, days':>13} {'found':>9} {'median delay, windows':>22}")
    for window_s in WINDOWS_S:
        fleet = Fleet(Condition("phi 2, misfit 2 %", misfit=0.02), series, asked.seed, days=histories[-1] + 2, window_s=window_s)
        online = Online(fleet, DetectionParameters())
        for days in histories:
            online.run(days * fleet.windows_a_day - online.window)
            _print_cases(fleet, online, days)


def _print_cases(fleet: Fleet, online: Online, days: int) -> None:
    for case in sorted(CASES, key=lambda case: case.hour):
        while online.window % fleet.windows_a_day != int(case.hour * 60) * 60 // fleet.window_s:
            online.step()
        delays, asked_of = _run(case, fleet, online)
        waited = delays[np.isfinite(delays)]
        median = f"{np.median(waited):.0f}" if len(waited) else "-"
        print(f"{case.name:<46} {fleet.window_s:>9} {days:>13} {f'{len(waited)}/{asked_of}':>9} {median:>22}", flush=True)


def _run(case: HardCase, fleet: Fleet, online: Online) -> tuple[Floats, int]:
    """Delays (windows; infinite where not found) of the series that the case is about, each with its own copy of what was learned."""
    chosen = case.due(fleet.rates(online.window)) & (fleet.failing if case.failing > 1.0 else True)
    copy = Online(fleet, online.parameters, online.window)
    copy.detection = Detection.unpack(online.parameters, fleet.window_s, online.detection.pack())
    fleet.failure_factor = case.failing
    waited = np.full(fleet.series, np.inf)
    for window in range(case.minutes * 60 // fleet.window_s):
        for kind, index in begun(copy.step(np.where(chosen, case.factor, 1.0)).traffic):
            if kind in case.kinds:
                waited[index] = min(waited[index], window + 1.0)
    fleet.failure_factor = 1.0
    return waited[chosen], int(chosen.sum())
