"""Alert text: a description of each kind of alert."""

import re

from correlation.phrases import clock, figure, span, traffic, window
from correlation.snapshots import AlertSnapshot
from models.times import SECOND_US

LOSS_STATED_S = 12 * 3600.0
"""A loss after two days is not news on the first day: it is stated once the first messages have no longer than this."""
_NARROW = 3.0
"""How many times the earliest end the latest may be if both are stated."""
_MOST_FAIL = 0.5
"""Share from which on failures are stated in percent, below as `1 in 4`."""
_USUAL_HIGH, _USUAL_LOW = 1.15, 0.85
"""Multiples of what is due within which a window is usual."""
_ALMOST_NONE = 0.01

Text = tuple[str, str]
"""A clause, and the details that follow the time of the onset."""


def subject(episode: AlertSnapshot) -> str:
    """The subject: a User, a region, or everyone."""
    if episode.user is not None:
        return episode.user
    return f"Region {episode.region}" if episode.region is not None else "All Users"


def describe_open(episode: AlertSnapshot) -> str:
    """As in `SUPPLIER-L02 has received nothing since 19:25 UTC (normal: 5,517 a minute)`."""
    clause, details = _KINDS[episode.kind](episode)
    since = f"since {clock(episode.onset_us, episode.at_us)}{_breaks(episode)}"
    if _is_usual(episode):
        failed = "failed " if episode.kind == "failures" else ""
        now = f"{figure(episode.observed)} {failed}{traffic(episode.series)}{_normal(episode)}"
        return f"{subject(episode)}: {KIND_LABELS[episode.kind]} {since}. The last window is usual again: {now}.{_worst(episode)}"
    direction = {"messages to the User": "received", "messages to the DSP": "sent"}.get(traffic(episode.series))
    if episode.kind == "backlog":
        # A depth changes every minute, and the sentence stands until somebody has to act on something else.
        since = f"at {clock(episode.at_us, episode.at_us)} ({since})"
    if episode.kind == "silence" and episode.user is not None and episode.observed == 0 and direction is not None:
        return f"{episode.user} has {direction} nothing {since}{details}."
    return f"{subject(episode)}: {clause} {since}{details}."


def _is_usual(episode: AlertSnapshot) -> bool:
    """Whether the last window shows no trouble any more, though the alert is not over yet."""
    if episode.kind == "failures":
        return episode.observed <= _USUAL_HIGH * max(episode.expected, 1.0)
    if episode.expected < 1:
        return False
    ratio = episode.observed / episode.expected
    return ratio <= _USUAL_HIGH if episode.kind == "storm" else episode.kind in ("drop", "silence") and ratio >= _USUAL_LOW


def describe_resolved(episode: AlertSnapshot) -> str:
    """As in `SUP-01: storm ended 13:50 UTC after 2 h 40 min. Peak 16,340 messages a minute (usual 432)`."""
    ended_us = episode.ended_us if episode.ended_us is not None else episode.at_us
    lasted = span((ended_us - episode.onset_us) / SECOND_US)
    ended = f"ended {clock(ended_us, episode.at_us)} after {lasted}{_breaks(episode)}"
    return f"{subject(episode)}: {KIND_LABELS[episode.kind]} {ended}.{_worst(episode)}"


def _breaks(episode: AlertSnapshot) -> str:
    """What came back did not go on all the time since it began."""
    return f" with {'a break' if episode.flaps == 1 else f'{episode.flaps} breaks'}" if episode.flaps else ""


def _worst(episode: AlertSnapshot) -> str:
    if episode.kind == "backlog":
        return f" At most {figure(episode.peak)} messages waited."
    if episode.kind in ("storm", "failures"):
        what = "failed messages" if episode.kind == "failures" else "messages"
        return f" Peak {figure(episode.peak)} {what} {_per(episode)} (usual {figure(episode.usual_at_peak)})."
    return ""


def detected(episode: AlertSnapshot) -> str:
    """The observation of one window, for a line of a timeline."""
    return "".join(_KINDS[episode.kind](episode))


_PLURAL = re.compile(r"(?<=[a-z])s\b")
"""The end of the noun of some traffic."""
KIND_LABELS = {
    "storm": "storm",
    "backlog": "backlog",
    "silence": "silence",
    "drop": "drop in traffic",
    "failures": "failures",
    "drift": "shift to a new level",
    "stale": "gap in the reports",
}


def _per(episode: AlertSnapshot) -> str:
    return window(min(key.window_s for key in episode.series))


def _storm(episode: AlertSnapshot) -> Text:
    return f"{figure(episode.observed)} {traffic(episode.series)} {_per(episode)}", _normal(episode)


def _normal(episode: AlertSnapshot) -> str:
    return f" (normal: {figure(episode.expected) if episode.expected >= 1 else 'almost none'})"


def _drop(episode: AlertSnapshot) -> Text:
    return f"{_few(episode)} {_per(episode)}", _normal(episode)


def _few(episode: AlertSnapshot) -> str:
    """`no messages`, `only 1 message`, `only 12 messages`."""
    what = traffic(episode.series)
    if episode.observed == 0:
        return f"no {what}"
    count = figure(episode.observed)
    return f"only {count} {_PLURAL.sub('', what, count=1) if count == '1' else what}"


def _silence(episode: AlertSnapshot) -> Text:
    if episode.observed == 0:
        return _few(episode), f" (normal: {figure(episode.expected)} {_per(episode)})"
    return f"{_few(episode)} {_per(episode)}", f" (normal: {figure(episode.expected)})"


def _failures(episode: AlertSnapshot) -> Text:
    top = sorted(episode.codes.items(), key=lambda item: (-item[1], item[0]))[:2]
    codes = f", mostly {' and '.join(code for code, _ in top)}" if top else ""
    ratio = episode.evidence.get("failure_ratio")
    if not ratio:
        return (
            f"{figure(episode.observed)} failed {traffic(episode.series)} {_per(episode)}",
            f" (usual: {figure(episode.expected)}){codes}",
        )
    usual = ratio * episode.expected / episode.observed if episode.observed else 0.0
    fails = "fail" if ratio > _MOST_FAIL else "fails"
    words = "almost none" if usual < _ALMOST_NONE else _share(usual)
    return f"{_share(ratio)} {'of ' if ratio > _MOST_FAIL else ''}{traffic(episode.series)} {fails}", f" (usual: {words}){codes}"


def _share(share: float) -> str:
    return f"{figure(100 * share)} %" if share > _MOST_FAIL else f"1 in {round(1 / share)}"


def _backlog(episode: AlertSnapshot) -> Text:
    evidence = episode.evidence
    parts = []
    growth = evidence.get("growth_per_s", 0.0)
    if growth >= 0.05:
        parts.append(f", {figure(growth)} more a second")
    if evidence.get("oldest_age_s", 0.0) > 300:
        parts.append(f", the oldest for {span(evidence['oldest_age_s'])}")
    if "capacity_eta_s" in evidence:
        parts.append(f". Queue {_full(episode)}")
    if "drain_eta_s" in evidence:
        parts.append(f". Queue empty at about {_at(episode, evidence['drain_eta_s'])}")
    if evidence.get("predicted_loss", 0.0) >= 1 and evidence.get("age_limit_eta_s", LOSS_STATED_S + 1) <= LOSS_STATED_S:
        parts.append(f". {figure(evidence['predicted_loss'])} will expire, the first at {_at(episode, evidence['age_limit_eta_s'])}")
    return f"{figure(evidence.get('depth', episode.observed))} messages wait{_queues(episode)}", "".join(parts)


def _full(episode: AlertSnapshot) -> str:
    """The earliest time; the interval once it is narrow enough to plan with."""
    eta_s = episode.evidence["capacity_eta_s"]
    low_s, high_s = (episode.evidence.get(f"capacity_eta_{end}_s", eta_s) for end in ("low", "high"))
    earliest, latest = _at(episode, low_s), _at(episode, high_s)
    if earliest == latest:
        return f"full at {earliest}"
    if high_s < _NARROW * max(low_s, 60.0):
        return f"full between {earliest.removesuffix(' UTC')} and {latest}"
    return f"full at the earliest {earliest}"


def _at(episode: AlertSnapshot, in_s: float) -> str:
    return clock(episode.at_us + round(in_s * SECOND_US), episode.at_us)


def _queues(episode: AlertSnapshot) -> str:
    names = sorted({key.queue for key in episode.series})
    return f" in {' and '.join(names)}" if len(names) <= 2 else f" in {len(names)} queues"


def _drift(episode: AlertSnapshot) -> Text:
    if "habit_days" in episode.evidence:
        days = figure(episode.evidence["habit_days"])
        much = f"{figure(episode.ratio)} times as many {traffic(episode.series)} as usual at this time of day"
        return much, f", as on {days} days. This is now a habit"
    return f"{traffic(episode.series)} at {figure(episode.ratio)} times their old level", ". This level is now normal"


def _stale(episode: AlertSnapshot) -> Text:
    return f"no reports of {traffic(episode.series)}", ". Their traffic is unknown"


_KINDS = {
    "storm": _storm,
    "drop": _drop,
    "silence": _silence,
    "failures": _failures,
    "backlog": _backlog,
    "drift": _drift,
    "stale": _stale,
}
