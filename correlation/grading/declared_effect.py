"""Declared effect: whether an alert stays within the effect that a change declared.

A change without a declared effect has no envelope: its window alone lowers no severity. The position is that of one window; the caller
keeps the worst (an alert that went beyond stays beyond).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from changes.calendar import CalendarView
from changes.scope import admits, scope_users
from changes.windows import declared_effect_us
from correlation.phrases import span
from correlation.snapshots import AlertSnapshot
from models.change import Change, ExpectedEffect
from models.columns import SeriesKey
from models.times import SECOND_US, format_time, us

SLACK = 1.5
"""`within` up to this multiple of the declared factor (contract 1.4)."""
_UP_FACTOR, _DOWN_FACTOR = 3.0, 0.5
"""The factors of a change that gives none: enough for a usual rise or dip, not enough for a disaster."""
_GRACE_S = 300
"""Or two windows: an effect that continues no longer after its planned end counts as punctual."""
_CHANCE = 2.0
"""Standard deviations of a count by which one window may exceed the envelope by chance."""


Position = Literal["none", "within", "beyond"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """The position of an episode relative to the declared changes that cover it."""

    position: Position
    change_key: str | None
    """`owner/change_id`."""
    text: str
    """One sentence, empty for `none`."""
    declared_late: bool = False
    """Whether the other parties were informed only after the onset: such a declaration lowers no severity."""

    @property
    def change_id(self) -> str | None:
        """The change in the form of its owner."""
        return None if self.change_key is None else self.change_key.partition("/")[2]


NO_ENVELOPE = Envelope("none", None, "")


def envelope(episode: AlertSnapshot, view: CalendarView) -> Envelope:
    """The position of `episode` at its `at_us`; of several changes the one that explains it best."""
    if episode.kind == "stale" or not view.expecting:
        return NO_ENVELOPE
    error_us = _error_us(episode)
    covering = [change for change in view.expecting if _covers(change, episode, error_us)]
    if not covering:
        return NO_ENVELOPE
    positions = [_position(episode, change, _others_factor(change, covering), view) for change in covering]
    return min(
        positions,
        key=lambda one: (("within", "beyond", "none").index(one.position), one.declared_late, one.change_id or "", one.change_key or ""),
    )


def _error_us(episode: AlertSnapshot) -> int:
    """The possible error of the estimated onset."""
    window_us = max(key.window_s for key in episode.series) * SECOND_US
    return max(2 * window_us, 120 * SECOND_US, min((episode.detected_us - episode.onset_us) // 2, 900 * SECOND_US))


def _covers(change: Change, episode: AlertSnapshot, error_us: int) -> bool:
    """Whether the change declared an effect on all of the episode's traffic, and the episode began while that effect was due."""
    if change.expected is None:
        return False
    start_us, end_us = declared_effect_us(change)
    if not (start_us - error_us <= episode.onset_us <= end_us + error_us and start_us < episode.at_us):
        return False
    return all(declares_effect_on(change, key) for key in episode.sure or episode.active or episode.series)


def declares_effect_on(change: Change, key: SeriesKey) -> bool:
    """Whether the declared effect includes this series."""
    expected = change.expected
    if expected is None:
        return False
    users = scope_users(change)
    if users is not None and key.user not in users:
        return False
    if expected.message_classes and key.message_class and key.message_class not in expected.message_classes:
        return False
    return admits((expected.services or change.services, change.regions, change.directions, change.queues), key)


def declared_factor(expected: ExpectedEffect) -> float:
    """The factor on the usual traffic; a dip of 2 and one of 0.5 are the same."""
    if expected.effect == "silent":
        return 0.0
    if expected.effect == "up":
        return max(expected.factor or _UP_FACTOR, 1.0)
    factor = _DOWN_FACTOR if expected.factor is None else expected.factor
    return 1.0 / factor if factor > 1 else factor


def _others_factor(change: Change, covering: list[Change]) -> float:
    """The addition of other rises that are declared for the same time: two that double the traffic make three times as much."""
    ups = [one for one in covering if one.key != change.key and one.expected is not None and one.expected.effect == "up"]
    return sum(declared_factor(one.expected) - 1.0 for one in ups if one.expected is not None)


def _position(episode: AlertSnapshot, change: Change, others: float, view: CalendarView) -> Envelope:
    position, text = _against(episode, change, others)
    late = position != "none" and _declared_late(episode, change, view)
    return Envelope(position, change.key if position != "none" else None, text, late)


def _against(episode: AlertSnapshot, change: Change, others: float) -> tuple[Position, str]:
    """The position and its sentence, whenever the change was declared."""
    if change.expected is None:
        return "none", ""
    _, end_us = declared_effect_us(change)
    grace_us = max(2 * max(key.window_s for key in episode.series), _GRACE_S) * SECOND_US
    if episode.at_us > end_us + grace_us and _abnormal(episode):
        late = span((episode.at_us - end_us) / SECOND_US)
        return "beyond", f"Still abnormal {late} after the planned end of {change.change_id} ({format_time(end_us)})."
    position, text = _size(episode, change.expected, others)
    return position, text.format(change.change_id)


def _declared_late(episode: AlertSnapshot, change: Change, view: CalendarView) -> bool:
    """Whether the relevant declaration came only after the onset: the change itself, or a later revision that added to it."""
    if change.declared_at is not None and us(change.declared_at) > episode.onset_us:
        return True
    revisions = view.earlier.get(change.key, ())
    if not revisions or revisions[-1][0] <= episode.onset_us:
        return False
    before = [revision for arrived_us, revision in revisions if arrived_us <= episode.onset_us]
    stood = before[-1] if before else None
    if stood is None or not stood.explains or not _covers(stood, episode, _error_us(episode)):
        return True
    return _against(episode, stood, 0.0)[0] != "within" and _against(episode, change, 0.0)[0] == "within"


def _abnormal(episode: AlertSnapshot) -> bool:
    """Whether this window still shows it, while the detector may be waiting to be sure of the end."""
    if not episode.open:
        return False
    if episode.direction == "growing":
        return episode.evidence.get("growth_per_s", 1.0) > 0 or episode.evidence.get("drain_eta_s") is None
    if episode.kind == "failures":
        return True
    return _beyond(episode, SLACK if episode.direction == "up" else 1.0 / SLACK)


def _size(episode: AlertSnapshot, expected: ExpectedEffect, others: float) -> tuple[Position, str]:
    factor = declared_factor(expected)
    if episode.kind == "failures":
        return "beyond", "{} did not declare failures."
    if episode.direction == "growing":
        if expected.effect == "up":
            return "none", ""
        return "within", "A growing queue is part of the effect that {} declared: " + _effect_text(expected, factor) + "."
    if (episode.direction == "up") != (expected.effect == "up"):
        return "beyond", "{} declared " + _effect_text(expected, factor) + f", but the traffic is {_shown(episode.ratio)} times the usual."
    if expected.effect == "silent":
        return "within", "Within the effect that {} declared: no traffic."
    limit = (factor + others) * SLACK if expected.effect == "up" else factor / SLACK
    if _beyond(episode, limit):
        times = episode.ratio / factor if expected.effect == "up" else factor / max(episode.ratio, 1e-3)
        return (
            "beyond",
            "Beyond the effect that {} declared: "
            + f"{_effect_text(expected, factor)}, now {_shown(episode.ratio)} times, off by a factor of {_shown(times)}.",
        )
    return "within", "Within the effect that {} declared: " + f"{_effect_text(expected, factor)}, now {_shown(episode.ratio)} times."


def _beyond(episode: AlertSnapshot, limit: float) -> bool:
    if episode.direction == "up":
        bound = limit * max(episode.expected, 1.0)
        return episode.observed > bound + _CHANCE * np.sqrt(bound) and episode.ratio > limit
    bound = limit * episode.expected
    return bool(episode.observed < bound - _CHANCE * np.sqrt(bound) and episode.ratio < limit)


def exceeds(episode: AlertSnapshot, expected: ExpectedEffect) -> bool:
    """Whether a loss is greater than what was declared."""
    return expected.effect != "silent" and _beyond(episode, declared_factor(expected) / SLACK)


def _effect_text(expected: ExpectedEffect, factor: float) -> str:
    return "no traffic" if expected.effect == "silent" else f"{_shown(factor)} times the usual traffic"


def _shown(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
