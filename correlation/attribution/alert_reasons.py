"""Alert reasons: the evidence for a suspect as the cause of one alert, if another alert of the incident led to the suspect.

The evidence of an incident is measured on the traffic that it began with. It is no evidence about another alert of the
incident: for that alert, its connection with the beginning is the evidence.
"""

from functools import cached_property

from changes.calendar import CalendarView
from correlation.history.onset_comparison import asked_of, main_episode
from correlation.phrases import clock, span
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import Reason, Suspect
from models.times import MINUTE_US, SECOND_US

_OF_ANY = frozenset({"undeclared", "declared_late", "same_owner", "weather", "telemetry", "dcc_side", "shared", "throttled", "habit"})
"""Reasons that hold for every alert of an incident."""
_KINDS = {
    "storm": "message storm",
    "backlog": "backlog",
    "silence": "silence",
    "drop": "drop in traffic",
    "failures": "failures",
    "drift": "new level",
    "stale": "gap in the reports",
}


class OwnReasons:
    """Of the alerts of one incident in one window."""

    def __init__(self, case: IncidentSnapshot, view: CalendarView) -> None:
        self._case, self._view = case, view

    @cached_property
    def _main(self) -> AlertSnapshot:
        """Found once for all alerts of the incident: each search looks at all of them."""
        return main_episode(self._case)

    def of(self, suspects: tuple[Suspect, ...], episode: AlertSnapshot) -> tuple[Suspect, ...]:
        """The suspects of an incident with what speaks for each of them as the cause of this alert."""
        if not suspects:
            return suspects
        main, case = self._main, self._case
        lasted = Reason(code="persistence", text=_lasted(episode))
        if main.alert_id == episode.alert_id or _measured_together(episode, main, case):
            return tuple(
                _because(one, tuple(lasted if reason.code == "persistence" else reason for reason in one.reasons)) for one in suspects
            )
        return tuple(_because(one, (*_own(one, episode, main, case, self._view), lasted, *_kept(one))) for one in suspects)


def _measured_together(episode: AlertSnapshot, main: AlertSnapshot, case: IncidentSnapshot) -> bool:
    """Whether the evidence was measured on this alert's traffic too: of what began at several Users, all that began alike."""
    if case.origin_user is not None or not episode.series:
        return False
    return set(episode.series) <= set(asked_of(case, main))


def _because(suspect: Suspect, reasons: tuple[Reason, ...]) -> Suspect:
    """The same suspect for other reasons."""
    return suspect.model_copy(update={"reasons": reasons})


def _kept(suspect: Suspect) -> tuple[Reason, ...]:
    return tuple(reason for reason in suspect.reasons if reason.code in _OF_ANY)


def _own(suspect: Suspect, episode: AlertSnapshot, main: AlertSnapshot, case: IncidentSnapshot, view: CalendarView) -> tuple[Reason, ...]:
    if suspect.verdict == "excluded":
        return (Reason(code="same_event", text=f"Ruled out as the cause of {_beginning(main, case)}, which this goes with."),)
    collateral = case.origin_user is not None and episode.user != case.origin_user
    code = "spill_over" if collateral else "same_event"
    reasons = [Reason(code=code, text=f"It is suspected of {_beginning(main, case)}; {_when(episode, main)}.")]
    change = view.by_key.get(suspect.key or "")
    if change is not None:
        lead_us = episode.onset_us - view.window(change)[0]
        side = "after" if lead_us >= 0 else "before"
        start = "start" if change.actual_start is not None else "planned start"
        reasons.append(Reason(code="onset", text=f"This began {span(lead_us / SECOND_US)} {side} its {start}."))
    return tuple(reasons)


def _beginning(main: AlertSnapshot, case: IncidentSnapshot) -> str:
    whose = case.origin_user or (f"{len(case.users)} Users" if len(case.users) > 1 else main.user or "everyone")
    return f"the {_KINDS[main.kind]} at {whose} that began at {clock(main.onset_us, case.at_us)}"


def _when(episode: AlertSnapshot, main: AlertSnapshot) -> str:
    apart_us = episode.onset_us - main.onset_us
    if abs(apart_us) < MINUTE_US:
        return "this began at the same time"
    if apart_us < 0:
        return f"this was noticed first, {span(apart_us / SECOND_US)} earlier by the estimate"
    goes_on = main.ended_us is None or main.ended_us > episode.onset_us
    return f"this began {span(apart_us / SECOND_US)} later" + (", while that went on" if goes_on else "")


def _lasted(episode: AlertSnapshot) -> str:
    until_us = episode.ended_us if episode.ended_us is not None else episode.at_us
    text = f"It {'lasted' if episode.ended_us is not None else 'has lasted'} {span((until_us - episode.onset_us) / SECOND_US)}"
    return f"{text}, coming back {episode.flaps} times." if episode.flaps else f"{text} without a break."
