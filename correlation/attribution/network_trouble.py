"""Network trouble: a loss that devices or the network of a region explain as well as a change of the User that has it."""

from correlation.history.onset_comparison import early, main_episode
from correlation.history.traffic_history import History
from correlation.snapshots import IncidentSnapshot
from models.response_codes import DEVICE_SIDE

_LEAST_DUE = 30.0
_STORMY = 3.0
"""Multiple of the usual from which on a storm is more than the retries of what is lost."""
_USUAL = 0.7
"""Share of what is due in its other regions from which on they are as usual."""


def may_be_network(case: IncidentSnapshot, history: History) -> bool:
    """Whether devices do not answer, or all that is wrong at the origin is in one region while its other regions are as usual.

    Not for a storm: nobody else sends that.
    """
    main = main_episode(case)
    if case.origin_user is None or not main.series or (main.kind == "storm" and main.peak >= _STORMY * main.usual_at_peak):
        return False
    return _devices_fail(case) or _in_one_region(case, case.origin_user, history)


def _devices_fail(case: IncidentSnapshot) -> bool:
    counts = [(code in DEVICE_SIDE, count) for one in early(case) if one.kind == "failures" for code, count in one.codes.items()]
    return 2 * sum(count for at_device, count in counts if at_device) > sum(count for _, count in counts)


def _in_one_region(case: IncidentSnapshot, user: str, history: History) -> bool:
    main = main_episode(case)
    regions = {key.region for episode in case.origin_alerts for key in episode.series}
    if len(regions) != 1 or "" in regions:
        return False
    window_s = min(key.window_s for key in main.series)
    elsewhere = tuple(key for key in history.keys_of(user, "to_user", window_s) if key.region and key.region not in regions)
    recent = history.recent(elsewhere, main.onset_us) if elsewhere else None
    due = 0.0 if recent is None else float(recent.expected.sum())
    return recent is not None and due >= _LEAST_DUE and float(recent.observed.sum()) >= _USUAL * due
