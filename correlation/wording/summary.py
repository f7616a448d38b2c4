"""Summary: one sentence on which a tired person can act: who, what, since when, who else, and the possible cause."""

from collections.abc import Collection

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.incidents.membership import is_self_inflicted_storm
from correlation.phrases import listed, period, process_names
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from correlation.wording.alert_text import KIND_LABELS, describe_open, describe_resolved
from models.alert import Suspect
from models.change import Change

_STORMY = 2.0
"""Multiple of the usual traffic from which on a storm is the subject of an incident."""
_SURE = {"probable": "probable cause", "possible": "possible cause"}


def summary(draft: Draft, view: CalendarView) -> str:
    """Of an alert."""
    if draft.resolved:
        return f"{describe_resolved(draft.episode)}{_cause(draft, view)}."
    return f"{describe_open(draft.episode)}{_effect(draft)}{_envelope(draft)}{_cause(draft, view)}."


def _effect(draft: Draft) -> str:
    parts: list[str] = []
    if draft.collateral and draft.reader is None:
        parts.append(f"as {draft.case.origin_user}'s incident spills over")
    others = [name for name in draft.affected if name != draft.episode.user]
    if others and draft.reader is None and not draft.collateral:
        parts.append(f"{len(others)} other {'Users suffer' if len(others) > 1 else 'User suffers'} with it ({listed(others)})")
    if draft.processes and draft.episode.kind != "drift":
        parts.append(f"{process_names(draft.processes)} at stake")
    return "".join(f"; {part}" for part in parts)


def _envelope(draft: Draft) -> str:
    if draft.envelope.position == "within":
        late = " (declared only after it had begun)" if draft.envelope.declared_late else ""
        return f"; within what {draft.envelope.change_id} declared{late}"
    return f"; beyond what {draft.envelope.change_id} declared" if draft.envelope.position == "beyond" else ""


def _cause(draft: Draft, view: CalendarView) -> str:
    return f"; {cause(draft.blamed, draft, view)}"


def cause(suspect: Suspect | None, draft: Draft, view: CalendarView) -> str:
    """The possible cause, in a clause."""
    if suspect is None:
        return _no_cause(draft)
    sure = _SURE[suspect.verdict]
    if suspect.basis == "other_party":
        return f"{sure}: another party's change"
    if suspect.basis == "undeclared":
        return f"{sure}: a change at {suspect.owner} that nobody declared"
    change = view.by_key.get(suspect.key or "")
    return (
        f"{sure}: {change_label(change, view, draft.episode.at_us)}"
        if change is not None
        else f"{sure}: {suspect.change_id} of {suspect.owner}"
    )


def change_label(change: Change, view: CalendarView, now_us: int) -> str:
    """`CHG-7 of SUP-01 (Replace the firewall, 02:00–04:00 UTC)`."""
    return f"{change.change_id} of {change.owner} ({change.title}, {period(*view.window(change), now_us)})"


def _no_cause(draft: Draft) -> str:
    kind = draft.nature.code if draft.nature is not None else ""
    if draft.episode.kind == "stale":
        return "nothing follows from it about the traffic itself"
    if draft.reader is not None:
        return "no declared change that you can see explains it"
    if kind == "weather":
        return "looks like weather or a power cut, nobody's change"
    if kind in ("dcc_side", "shared"):
        return "no declared change explains it; the DCC's side or the shared network is likelier than one User"
    if kind == "throttled":
        return "no declared change explains it; the traffic looks throttled"
    return "no declared change explains it"


def incident_summary(case: IncidentSnapshot, suffering: Collection[str], draft: Draft, view: CalendarView) -> str:
    """Of an incident: its main alert, the related kinds, the victims and the cause.

    `suffering`: Users that are still badly affected in this window; `draft`: any of its alerts now.
    """
    lead = lead_alert(case)
    told = describe_open(lead) if lead.open else describe_resolved(lead)
    back = not suffering and not lead.open
    same = [] if back else sorted({episode.kind for episode in case.episodes if episode.user == lead.user and episode.open} - {lead.kind})
    also = f", with {listed([KIND_LABELS[kind] for kind in same])}" if same else ""
    users = [name for name in case.affected_users if name != lead.user]
    still = sorted(set(users) & set(suffering))
    return f"{told}{also}{_victims(users, still, lead_open=lead.open)}; {cause(draft.blamed, draft, view)}."


def lead_alert(case: IncidentSnapshot) -> AlertSnapshot:
    """The subject of an incident, over or not: at the origin its own storm, then a queue, then the most severe kind."""
    own = case.origin_alerts or case.episodes
    return min(own, key=lambda episode: (_rank(episode), episode.onset_us, episode.alert_id))


def _rank(episode: AlertSnapshot) -> int:
    ranks = {"backlog": 1, "storm": 2, "silence": 3, "failures": 4, "drop": 5, "drift": 6, "stale": 7}
    return 0 if is_self_inflicted_storm(episode) and episode.peak >= _STORMY * episode.usual_at_peak else ranks[episode.kind]


def _victims(users: list[str], still: list[str], *, lead_open: bool) -> str:
    if not users:
        return ""
    noun = "Users" if len(users) > 1 else "User"
    if lead_open:
        return f"; {len(users)} other {noun} {'suffer' if len(users) > 1 else 'suffers'} ({listed(users)})"
    after = f", {len(still)} still {'do' if len(still) > 1 else 'does'} ({listed(still)})" if still else ""
    return f"; {len(users)} other {noun} suffered{after}"


def suspect_line(suspect: Suspect, view: CalendarView, now_us: int) -> str:
    """A timeline's line for a new first suspect."""
    if suspect.basis == "undeclared":
        return f"Suspected ({suspect.verdict}): a change at {suspect.owner} that nobody declared."
    change = view.by_key.get(suspect.key or "")
    who = change_label(change, view, now_us) if change is not None else f"{suspect.change_id} of {suspect.owner}"
    return f"Suspected ({suspect.verdict}): {who}."
