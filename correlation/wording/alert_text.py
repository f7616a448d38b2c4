"""Alert text: a description of each kind of alert."""

from correlation.phrases import clock, figure, span, traffic, window
from correlation.snapshots import AlertSnapshot
from models.times import SECOND_US

LOSS_TOLD_S = 12 * 3600.0
"""A loss after two days is not news on the first day: it is stated once the first messages have no longer than this."""


_NARROW = 3.0
"""How many times the earliest end the latest may be if both are stated."""


def subject(episode: AlertSnapshot) -> str:
    """The subject: a User, a region, or everyone."""
    if episode.user is not None:
        return episode.user
    return f"Region {episode.region}" if episode.region is not None else "All Users"


def describe_open(episode: AlertSnapshot) -> str:
    """`SUP-01: no messages to the User where 412 a minute are due, since 02:10 UTC`."""
    since = f"since {clock(episode.onset_us, episode.at_us)}"
    return f"{subject(episode)}: {_KINDS[episode.kind](episode)} {since}"


def describe_resolved(episode: AlertSnapshot) -> str:
    """`SUP-01: message storm ended at 13:50 UTC after 2 h 40 min, peak 16,340 messages a minute (usual 432)`."""
    ended_us = episode.ended_us if episode.ended_us is not None else episode.at_us
    lasted = span((ended_us - episode.onset_us) / SECOND_US)
    return f"{subject(episode)}: {KIND_LABELS[episode.kind]} ended at {clock(ended_us, episode.at_us)} after {lasted}{_worst(episode)}"


def _worst(episode: AlertSnapshot) -> str:
    if episode.kind == "backlog":
        return f", at most {figure(episode.peak)} messages waited"
    if episode.kind in ("storm", "failures"):
        what = "failed messages" if episode.kind == "failures" else "messages"
        return f", peak {figure(episode.peak)} {what} {_per(episode)} (usual {figure(episode.usual_at_peak)})"
    return ""


def detected(episode: AlertSnapshot) -> str:
    """The observation of one window, for a line of a timeline."""
    return _KINDS[episode.kind](episode).removesuffix(",")


KIND_LABELS = {
    "storm": "message storm",
    "backlog": "backlog",
    "silence": "silence",
    "drop": "drop in traffic",
    "failures": "failures",
    "drift": "shift to a new level",
    "stale": "gap in the reports",
}


def _per(episode: AlertSnapshot) -> str:
    return window(min(key.window_s for key in episode.series))


def _storm(episode: AlertSnapshot) -> str:
    due = f"instead of {figure(episode.expected)}" if episode.expected >= 1 else "where hardly any are due"
    return f"{figure(episode.observed)} {traffic(episode.series)} {_per(episode)} {due}{_times(episode)}"


def _times(episode: AlertSnapshot) -> str:
    return f" ({figure(episode.ratio)} times as many)" if episode.expected >= 1 and episode.ratio >= 1.05 else ""


def _drop(episode: AlertSnapshot) -> str:
    return f"only {figure(episode.observed)} {traffic(episode.series)} {_per(episode)} instead of {figure(episode.expected)}"


def _silence(episode: AlertSnapshot) -> str:
    nothing = "no" if episode.observed == 0 else f"only {figure(episode.observed)}"
    return f"{nothing} {traffic(episode.series)} where {figure(episode.expected)} {_per(episode)} are due"


def _failures(episode: AlertSnapshot) -> str:
    ratio = episode.evidence.get("failure_ratio")
    share = f" ({figure(100 * ratio)} %)" if ratio is not None else ""
    top = sorted(episode.codes.items(), key=lambda item: (-item[1], item[0]))[:2]
    codes = f", mostly {' and '.join(code for code, _ in top)}" if top else ""
    return (
        f"{figure(episode.observed)} failed {traffic(episode.series)} {_per(episode)}{share}{codes}, {figure(episode.expected)} are usual,"
    )


def _backlog(episode: AlertSnapshot) -> str:
    evidence = episode.evidence
    parts = [f"{figure(evidence.get('depth', episode.observed))} messages wait{_queues(episode)}"]
    growth = evidence.get("growth_per_s", 0.0)
    if growth >= 0.05:
        parts.append(f"{figure(growth)} more a second")
    if "capacity_eta_s" in evidence:
        parts.append(_full(episode))
    if evidence.get("oldest_age_s", 0.0) > 300:
        parts.append(f"the oldest for {span(evidence['oldest_age_s'])}")
    if "drain_eta_s" in evidence:
        parts.append(f"draining, empty at about {_at(episode, evidence['drain_eta_s'])}")
    if evidence.get("predicted_loss", 0.0) >= 1 and evidence.get("age_limit_eta_s", LOSS_TOLD_S + 1) <= LOSS_TOLD_S:
        parts.append(f"{figure(evidence['predicted_loss'])} will expire, the first at {_at(episode, evidence['age_limit_eta_s'])}")
    return ", ".join(parts) + ","


def _full(episode: AlertSnapshot) -> str:
    """The earliest time; the interval once it is narrow enough to plan with."""
    eta_s = episode.evidence["capacity_eta_s"]
    low_s, high_s = (episode.evidence.get(f"capacity_eta_{end}_s", eta_s) for end in ("low", "high"))
    earliest, latest = _at(episode, low_s), _at(episode, high_s)
    if earliest == latest:
        return f"full at {earliest}"
    if high_s < _NARROW * max(low_s, 60.0):
        return f"full between {earliest.removesuffix(' UTC')} and {latest}"
    return f"full at {earliest} at the earliest"


def _at(episode: AlertSnapshot, in_s: float) -> str:
    return clock(episode.at_us + round(in_s * SECOND_US), episode.at_us)


def _queues(episode: AlertSnapshot) -> str:
    names = sorted({key.queue for key in episode.series})
    return f" in {' and '.join(names)}" if len(names) <= 2 else f" in {len(names)} queues"


def _drift(episode: AlertSnapshot) -> str:
    if "habit_days" in episode.evidence:
        days = figure(episode.evidence["habit_days"])
        much = f"{figure(episode.ratio)} times as many {traffic(episode.series)} as usual"
        return f"{much} at this time of day on {days} days, now taken as a habit,"
    return f"{traffic(episode.series)} at {figure(episode.ratio)} times their old level, now taken as the normal one,"


def _stale(episode: AlertSnapshot) -> str:
    return f"no reports of {traffic(episode.series)}: what they carry is unknown"


_KINDS = {
    "storm": _storm,
    "drop": _drop,
    "silence": _silence,
    "failures": _failures,
    "backlog": _backlog,
    "drift": _drift,
    "stale": _stale,
}
