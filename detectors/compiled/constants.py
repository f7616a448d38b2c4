"""Constants of the compiled passes, read where the detectors define them: one that changes there changes here."""

import numpy as np

from detectors.distributions.negative_binomial import LEAST_EXCESS
from detectors.expectation import dispersion, expectation, slot_steps, step_timing
from detectors.expectation.week_clock import HOURS_A_DAY, SLOTS_A_HOUR
from detectors.failures import baseline, failures
from detectors.rates import cusum_bank, drift, drop, habits, recovery, spill, stale, storm

FACTORS = (np.array(storm.FACTORS), np.array(drop.FACTORS), np.array(failures.FACTORS))


def constants(thresholds: dict[str, float], window_s: int) -> dict[str, float]:
    """Parameter of the passes → its value; those that each window sets itself are not among them."""
    return {
        "window_s": window_s,
        "least_mean": step_timing.LEAST,
        "least_doubt": expectation.LEAST_DOUBT,
        "doubt_range": expectation.MOST_DOUBT - expectation.LEAST_DOUBT,
        "first_hours": HOURS_A_DAY - 0.5,
        "most_errors": expectation.MOST_ERRORS,
        "clip": expectation.CLIP,
        "least_ratio": expectation.LEAST_RATIO,
        "most_ratio": 1.0 / expectation.LEAST_RATIO,
        "recent_share": window_s / expectation.RECENT_S,
        "unsure": expectation.UNSURE,
        "calm_nats": expectation.CALM_NATS,
        "unsure_calm_nats": expectation.UNSURE_CALM_NATS,
        "forgiven_share": window_s / recovery.FORGIVEN_S,
        "slack": recovery.SLACK,
        **_noise(window_s),
        **_slots(window_s),
        **_banks(),
        **_failures(),
        **_reports(thresholds),
        "silence_threshold": thresholds["silence"],
        "failures_threshold": thresholds["failures"],
    }


def _noise(window_s: int) -> dict[str, float]:
    return {
        "ridge": dispersion.RIDGE,
        "most_memory": dispersion.MOST_MEMORY,
        "dispersion_clip": dispersion.CLIP,
        "dispersion_tail": dispersion.TAIL * dispersion.TAIL,
        "first_share": dispersion.FIRST_SHARE,
        "clipped_mean": dispersion.CLIPPED_MEAN,
        "explained": dispersion.EXPLAINED,
        "dispersion_most": max(dispersion.LEAST_MEMORY_WINDOWS, dispersion.MEMORY_S / window_s),
    }


def _slots(window_s: int) -> dict[str, float]:
    """What happens once in ten minutes."""
    return {
        "around": step_timing.AROUND,
        "hour_slots": SLOTS_A_HOUR,
        "trust_a_slot": step_timing.TRUST_A_DAY / (HOURS_A_DAY * SLOTS_A_HOUR),
        "step_clip": step_timing.CLIP,
        "after_lateness": step_timing.AFTER_LATENESS,
        "explained_step": step_timing.EXPLAINED,
        "step_noise": step_timing.NOISE,
        "blur": step_timing.BLUR,
        "blur_least": step_timing.BLUR_LEAST,
        "within_hour_share": step_timing.WITHIN_HOUR_SHARE,
        "fresh_share": slot_steps.FRESH_SHARE,
        "failures_fade": baseline.kept_share(window_s),
        "most_weight": baseline.MOST_WEIGHT,
        "prior_weight": baseline.PRIOR_WEIGHT,
        "prior_failed": baseline.PRIOR_FAILED,
        "prior_tried": baseline.PRIOR_TRIED,
        "failures_doubt": baseline.DOUBT,
        "most_share": baseline.MOST_SHARE,
    }


def _banks() -> dict[str, float]:
    return {
        "bank_least_mean": cusum_bank.LEAST_MEAN,
        "least_excess": LEAST_EXCESS,
        "one_window": cusum_bank.ONE_WINDOW,
        "building_share": cusum_bank.BUILDING_SHARE,
        "edge_nats": habits.EDGE_NATS,
        "over_nats": habits.OVER_NATS,
        "clear_deviations": spill.CLEAR,
        "kept_missing": spill.KEPT,
    }


def _failures() -> dict[str, float]:
    return {
        "surprising": failures.SURPRISING,
        "first_s": baseline.FIRST_S,
        "least_tried": baseline.LEAST_TRIED,
        "few_pairs": baseline.FEW_PAIRS,
        "failures_clip": baseline.CLIP,
        "most_overlap": baseline.MOST_OVERLAP,
        "least_overlap": baseline.LEAST_OVERLAP,
    }


def _reports(thresholds: dict[str, float]) -> dict[str, float]:
    return {
        "drift_threshold": thresholds["drift"],
        "drift_day_s": drift.DAY_S,
        "stale_threshold": thresholds["stale"],
        "stale_most": thresholds["stale"] / stale.LEAST_WINDOWS + 1e-6,
        "stale_history": stale.HISTORY_WINDOWS,
        "stale_fade": stale.FADE,
        "stale_least_windows": stale.LEAST_WINDOWS,
        "stale_least_reports": stale.LEAST_REPORTS,
        "gap_factor": stale.GAP_FACTOR,
    }
