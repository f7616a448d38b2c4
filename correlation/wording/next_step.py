"""Next step: what to do first about an alert, and the contact role."""

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.phrases import clock, traffic
from models.change import Change

_WAITS = (
    "Hold back what can wait, and plan the release of the waiting messages.",
    "Watch that it goes on, and release what was held back step by step.",
)
_WATCH = {
    "backlog": _WAITS,
    "silence": _WAITS,
    "drop": _WAITS,
    "storm": ("Be ready to limit this User's traffic.", "Watch that the traffic does not rise again."),
}
"""Kind → what to do until its owner has answered, and while it recovers."""
_WATCH_FAILURES = ("Watch the failure codes until then.", "Watch that it goes on until the traffic is usual.")
_USER_CODES = frozenset({f"E{number}" for number in range(1, 20)})


def contact(draft: Draft, view: CalendarView) -> str | None:
    """The contact role of the owner of the suspected change, else of the change of its envelope."""
    change = _suspected(draft, view) or view.by_key.get(draft.envelope.change_key or "")
    return change.contact if change is not None else None


def next_step(draft: Draft, view: CalendarView) -> str:
    """One instruction; to the triage desk, or to the User of the copy."""
    if draft.resolved and any(episode.open for episode in draft.case.episodes):
        rest = f"what else is open of incident {draft.incident_id}" if draft.reader is None else "your other alerts that are open"
        return f"This part is over: follow {rest}."
    if draft.resolved:
        quiet = draft.severity == "info" or draft.reader is not None
        return "No action: it is over." if quiet else "Confirm with those affected that it is over."
    if draft.episode.kind == "stale":
        return _stale(draft)
    if draft.phase == "tail":
        whose = "the traffic" if draft.reader is None else "your traffic"
        return f"No action for now: {whose} is usual again. Check that it stays so."
    if draft.reader is not None:
        return _own(draft, view)
    if draft.collateral:
        return f"Follow incident {draft.incident_id}: it began at {draft.case.origin_user}; no action is needed at {draft.episode.user}."
    return _triage(draft, view)


def over_at_origin(draft: Draft) -> str:
    """For an incident of which only others' alerts are left, in one of these."""
    if draft.phase == "tail":
        return f"No action for now: it is over at {draft.case.origin_user}, and the others' traffic is usual again. Check that it stays so."
    return f"It is over at {draft.case.origin_user}: watch until the others' traffic is usual again."


def _triage(draft: Draft, view: CalendarView) -> str:
    change = _suspected(draft, view)
    suspect = draft.blamed
    if draft.envelope.position == "within" and draft.severity == "info":
        return f"No action: check that it ends with {draft.envelope.change_id}."
    if change is not None and draft.phase == "recovering":
        return f"It is recovering: ask {_role(change)} whether {change.change_id} is over or rolled back. {_afterwards(draft)}"
    if change is not None:
        return f"Call {_role(change)} about {change.change_id}: can it be paused or rolled back? {_meanwhile(draft)}"
    since = clock(draft.episode.onset_us, draft.episode.at_us)
    if suspect is not None and suspect.basis == "undeclared":
        then = _afterwards(draft) if draft.phase == "recovering" else _meanwhile(draft)
        return f"Ask {suspect.owner} what was changed at about {since}, and to declare it. {then}"
    nature = draft.nature.code if draft.nature is not None else ""
    if nature == "weather":
        return "No repair is needed here: check the outage maps of the network operators, and expect alerts until it is over."
    if nature in ("dcc_side", "shared"):
        return f"Check the DCC's own side first: the DSP, and the network{_where(draft)}."
    if nature == "throttled":
        return "Check whether the DSP throttles or quarantines this User's traffic; the ceiling looks like it."
    return f"It is recovering. {_afterwards(draft)}" if draft.phase == "recovering" else _by_kind(draft)


def _suspected(draft: Draft, view: CalendarView) -> Change | None:
    suspect = draft.blamed
    return view.by_key.get(suspect.key or "") if suspect is not None else None


def _role(change: Change) -> str:
    return f"{change.owner} ({change.contact})" if change.contact else change.owner


def _where(draft: Draft) -> str:
    return f" in {draft.episode.region}" if draft.episode.region else ""


def _meanwhile(draft: Draft) -> str:
    return _WATCH.get(draft.episode.kind, _WATCH_FAILURES)[0]


def _afterwards(draft: Draft) -> str:
    """What to do while it recovers."""
    return _WATCH.get(draft.episode.kind, _WATCH_FAILURES)[1]


def _by_kind(draft: Draft) -> str:
    user = draft.episode.user or "those affected"
    if draft.episode.kind == "storm":
        return f"Ask {user} why it sends so much, and to stop or slow down; be ready to limit its traffic."
    if draft.episode.kind in ("backlog", "silence"):
        return f"Check whether the DSP reaches {user}'s endpoint, then call its service desk."
    if draft.episode.kind == "failures":
        at_fault = draft.episode.codes and _user_side(draft)
        return f"Ask {user} to check its requests." if at_fault else f"Check devices and network{_where(draft)}: they do not answer."
    if draft.episode.kind == "drift":
        return f"Ask {user} whether the new level is meant to last."
    return f"Ask {user} whether it means to send less, and check the route to it."


def _user_side(draft: Draft) -> bool:
    codes = draft.episode.codes
    return 2 * sum(count for code, count in codes.items() if code in _USER_CODES) >= sum(codes.values())


def _stale(draft: Draft) -> str:
    if draft.episode.user is None and draft.episode.region is None:
        return "Check the telemetry feed to this monitor: it receives no reports at all."
    return f"Check where the reports of {draft.episode.user or draft.episode.region} get lost; watch its traffic by other means until then."


def _own(draft: Draft, view: CalendarView) -> str:
    """For the User itself: what it can check on its side, without blame."""
    suspect = draft.blamed
    change = _suspected(draft, view)
    since = clock(draft.episode.onset_us, draft.episode.at_us)
    if suspect is not None and (suspect.basis == "other_party" or suspect.owner not in (draft.reader, "DCC")):
        return "No fault on your side is known: the DCC Service Desk is looking into another party's change."
    if draft.envelope.position == "within":
        return f"No action: check that it ends with {draft.envelope.change_id}."
    if change is not None and change.owner == draft.reader and draft.phase == "recovering":
        return f"Your traffic is recovering: report to the DCC Service Desk whether {change.change_id} is over or rolled back."
    if change is not None and change.owner == draft.reader:
        return f"Check {change.change_id}: can it be paused or rolled back? Report your findings to the DCC Service Desk."
    if change is not None:
        return f"Wait for the end of {change.change_id}, or ask {_role(change)}."
    if draft.began_elsewhere:
        return "No fault on your side is known: seen over the whole service, it began elsewhere. The DCC Service Desk is looking into it."
    if draft.nature is not None and draft.nature.code == "dcc_side":
        return "No fault on your side is known: devices or the network do not answer. Ask the DCC Service Desk what is known of them."
    return f"Check what was changed on your side at about {since} ({traffic(draft.episode.series)}); if something was, declare it."
