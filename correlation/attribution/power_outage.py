"""Power outage: a power cut raises outage alerts everywhere it reaches, and its effects are not caused by a change."""

import numpy as np

from correlation.history.difference_in_differences import running, shift
from correlation.history.onset_comparison import main_episode
from correlation.history.panel import TrafficSelector
from correlation.history.traffic_history import History
from correlation.snapshots import IncidentSnapshot
from models.times import HOUR_US, SECOND_US
from models.vocabulary import ALERT_CLASSES

OUTAGE_CODES = frozenset({"8F35", "8F36", "8F1D", "AD1"})
"""Supply lost or restored, a gas meter's power lost, a communications hub's power lost (notes on GBCS alert codes)."""
_BEFORE = 10
_AFTER_US = HOUR_US // 4
_AROUND_US = HOUR_US // 3


def of_outages(case: IncidentSnapshot) -> bool:
    """Whether the incident's first traffic consists of outage alerts only."""
    keys = [key for key in main_episode(case).series if not key.is_queue]
    return bool(keys) and all(key.message_class in ALERT_CLASSES and key.service in OUTAGE_CODES for key in keys)


def outages_rose(case: IncidentSnapshot, history: History) -> bool:
    """Whether outage alerts, and no others, of the Users that it began at rose around the onset: then the queue grows with the weather."""
    main = main_episode(case)
    users = {key.user for key in main.series}
    rose: dict[bool, bool] = {True: False, False: False}
    for part in history.parts():
        ((_, message_class, service, queue),) = part.classes
        if not queue and message_class in ALERT_CLASSES and not rose[service in OUTAGE_CODES]:
            rose[service in OUTAGE_CODES] = _rose(part, users, main.onset_us, history)
    return rose[True] and not rose[False]


def _rose(part: TrafficSelector, users: set[str], onset_us: int, history: History) -> bool:
    panel = history.panel(part, onset_us - _AROUND_US - 4 * _BEFORE * part.window_s * SECOND_US)
    if panel is None:
        return False
    own = panel.units.of(users)
    if not own.any():
        return False
    starts_us = panel.ends_us - panel.bin_us
    sums = running(panel.observed[:, own], panel.expected[:, own])
    for begin_us in range(onset_us - _AROUND_US, onset_us + 1, max(panel.bin_us, _AROUND_US // 4)):
        first, stop = (int(np.searchsorted(starts_us, at_us)) for at_us in (begin_us, begin_us + _AFTER_US))
        before = min(_BEFORE, first)
        if before >= _BEFORE // 2 and stop > first and shift(sums, first, stop, before).affected(up=True).any():
            return True
    return False
