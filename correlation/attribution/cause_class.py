"""Cause class: whether an incident began at one User as after a change there, or looks like weather, a limit, the network or a gap."""

from dataclasses import dataclass

import numpy as np

from correlation.attribution.power_outage import of_outages, outages_rose
from correlation.history.habit import is_habit
from correlation.history.onset_comparison import Comparison, main_episode
from correlation.history.traffic_history import History
from correlation.snapshots import IncidentSnapshot
from models.columns import Floats
from models.response_codes import DEVICE_SIDE
from models.times import SECOND_US
from models.vocabulary import ALERT_CLASSES

_SHARED, _LEAST_OTHERS, _COMMON_Z = 0.3, 2, 3.0
_CEILING_WINDOWS = 5
_CEILING_LEAST = 20.0


@dataclass(frozen=True, slots=True)
class CauseClass:
    """The appearance of an incident, independent of any declared change."""

    code: str
    """`user_change`, `weather`, `telemetry`, `throttled`, `dcc_side`, `shared`, `habit` or `gradual`."""
    text: str

    @property
    def like_a_change(self) -> bool:
        """Whether a change of the User that it began at would look like this."""
        return self.code == "user_change"


def classify(case: IncidentSnapshot, comparison: Comparison | None, history: History) -> CauseClass:
    """The first class that fits, harmless ones first."""
    main = main_episode(case)
    if main.kind == "stale":
        return CauseClass("telemetry", "Reports are missing: a gap in the telemetry is no evidence about the traffic itself.")
    if (main.kind == "storm" and of_outages(case)) or (main.kind == "backlog" and outages_rose(case, history)):
        return CauseClass("weather", "Alerts of lost and restored supply rose with it: weather or a power cut looks like this.")
    classes = {key.message_class for key in main.series if not key.is_queue}
    if classes and classes <= ALERT_CLASSES and main.direction == "up" and (case.origin_user is None or _together(comparison)):
        return CauseClass("weather", "Device alerts rose together for several Users of a region: weather or a power cut looks like this.")
    if case.origin_user is None:
        return CauseClass(
            "dcc_side",
            "Several Users moved at the same time: a cause on the DCC's side or in the shared network is likelier than one User's.",
        )
    if _from_the_network(case):
        return CauseClass(
            "dcc_side", "The failures carry E20, E21 or E30: devices or the network did not answer, which the User does not control."
        )
    if main.kind != "silence" and is_habit(main, history):
        return CauseClass("habit", f"The traffic of {case.origin_user} did the same about this hour on other days.")
    if _together(comparison):
        return CauseClass(
            "shared", "Other Users' traffic of the same kind moved alike: a shared cause is likelier than a change at one User."
        )
    if comparison is not None and not _queues(case) and capped(comparison.counts):
        return CauseClass(
            "throttled", "The traffic runs flat against a sharp ceiling: the DSP's own traffic management or quarantine looks like this."
        )
    error_us = main.detected_us - main.onset_us
    if main.kind == "drift" or error_us > 3600 * SECOND_US:
        return CauseClass("gradual", "It came on slowly, which a change seldom does.")
    return CauseClass("user_change", f"It began sharply, at {case.origin_user} only, as a change there would.")


def _together(comparison: Comparison | None) -> bool:
    """Whether the other Users in the same regions moved alike: several of them clearly, or all of them a little and half as far."""
    if _others_share(comparison) >= _SHARED:
        return True
    if comparison is None:
        return False
    moves = comparison.moves
    others, own = moves.known & ~comparison.own & comparison.near, moves.known & comparison.own & comparison.near
    if others.sum() < _LEAST_OTHERS or not own.any():
        return False
    signed = moves.moved if comparison.up else -moves.moved
    common = float((signed[others] / moves.scale[others]).sum() / np.sqrt(others.sum()))
    return common >= _COMMON_Z and float(np.median(signed[others])) >= 0.5 * float(np.median(signed[own]))


def _others_share(comparison: Comparison | None) -> float:
    """Share of the other Users' units in the same regions that moved alike."""
    if comparison is None:
        return 0.0
    others = comparison.moves.known & ~comparison.own & comparison.near
    return float(comparison.moved_alike[others].mean()) if others.any() else 0.0


def _queues(case: IncidentSnapshot) -> bool:
    """Whether messages wait for the User: then the delivered traffic is flat because of the delivery rate, whatever is sent."""
    return any(episode.kind == "backlog" for episode in case.origin_alerts)


def _from_the_network(case: IncidentSnapshot) -> bool:
    kinds = {episode.kind for episode in case.origin_alerts}
    counts: dict[str, int] = {}
    for episode in case.origin_alerts:
        for code, count in episode.codes.items():
            counts[code] = counts.get(code, 0) + count
    total = sum(counts.values())
    return kinds == {"failures"} and total > 0 and 2 * sum(counts.get(code, 0) for code in DEVICE_SIDE) > total


def capped(counts: Floats) -> bool:
    """Whether counts are flat at a ceiling: half of them within a tenth of the spread of random counts, at the top."""
    if len(counts) < _CEILING_WINDOWS or counts.max() < _CEILING_LEAST:
        return False
    top = float(counts.max())
    return bool((counts >= top - 0.1 * np.sqrt(top)).mean() >= 0.5)
