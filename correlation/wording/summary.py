"""Summary: one sentence on which a tired person can act: who, what, since when, who else, and the possible cause."""

from collections.abc import Collection, Iterable

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.incidents.membership import is_self_inflicted_storm
from correlation.phrases import listed, period, process_names
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from correlation.wording.alert_text import KIND_LABELS, describe_open, describe_resolved
from correlation.wording.shared_trouble import headline, location
from models.alert import Suspect
from models.change import Change
from models.vocabulary import Phase

_STORMY = 2.0
"""Multiple of the usual traffic from which on a storm is the subject of an incident."""
_SURE = {"probable": "Probable cause", "possible": "Possible cause"}


def summary(draft: Draft, view: CalendarView) -> str:
    """Of an alert."""
    if draft.resolved:
        return _joined([describe_resolved(draft.episode), cause(draft.blamed, draft, view)])
    if draft.collateral and draft.reader is None:
        return _joined([describe_open(draft.episode), f"Side effect of the incident at {draft.case.origin_user}.", _envelope(draft)])
    return _joined([describe_open(draft.episode), *_effect(draft), _envelope(draft), cause(draft.blamed, draft, view)])


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _effect(draft: Draft) -> list[str]:
    others = [name for name in draft.affected if name != draft.episode.user] if draft.reader is None else []
    processes = process_names(draft.processes) if draft.processes and draft.episode.kind != "drift" else ""
    affects = "affected" if draft.phase == "tail" else "affects"
    return [_suffer(others, draft.phase) if others else "", f"This {affects} {processes}." if processes else ""]


def _suffer(users: list[str], phase: Phase) -> str:
    several = len(users) > 1
    verb = {"tail": "suffered", "recovering": "have suffered" if several else "has suffered"}.get(phase, "suffer" if several else "suffers")
    return f"{len(users)} other {'Users' if several else 'User'} {verb} ({listed(users)})."


def _envelope(draft: Draft) -> str:
    if draft.envelope.position == "within":
        late = " The declaration came after the onset." if draft.envelope.declared_late else ""
        return f"Within the effect that {draft.envelope.change_id} declared.{late}"
    return f"Beyond the effect that {draft.envelope.change_id} declared." if draft.envelope.position == "beyond" else ""


def cause(suspect: Suspect | None, draft: Draft, view: CalendarView) -> str:
    """The possible cause, in a sentence."""
    if suspect is None:
        return _no_cause(draft)
    sure = _SURE[suspect.verdict]
    if suspect.basis == "other_party":
        return f"{sure}: another party's change."
    if suspect.basis == "undeclared":
        return f"{sure}: a change at {suspect.owner} that nobody declared."
    change = view.by_key.get(suspect.key or "")
    title = f" ({change.title})" if change is not None else ""
    return f"{sure}: {suspect.change_id} of {suspect.owner}{title}."


def change_label(change: Change, view: CalendarView, now_us: int) -> str:
    """`CHG-7 of SUP-01 (Replace the firewall, 02:00–04:00 UTC)`."""
    return f"{change.change_id} of {change.owner} ({change.title}, {period(*view.window(change), now_us)})"


def _no_cause(draft: Draft) -> str:
    kind = draft.nature.code if draft.nature is not None else ""
    if draft.episode.kind == "stale":
        return ""
    if draft.reader is not None:
        return "No declared change that you can see explains it."
    if kind == "weather":
        return "It looks like weather or a power cut, not like a change."
    if kind in ("dcc_side", "shared"):
        return "No declared change explains it. A cause at the DCC or in the shared network is more probable than one User."
    if kind == "habit":
        return "The same happened about this hour on other days."
    if kind == "throttled":
        return "No declared change explains it. The traffic looks throttled."
    return "No declared change explains it."


def incident_summary(
    case: IncidentSnapshot, suffering: Collection[str], draft: Draft, view: CalendarView, ended_us: int | None = None
) -> str:
    """Of an incident: its main alert, the related kinds, the victims and the cause.

    `suffering`: Users that are still badly affected in this window; `draft`: any of its alerts now;
    `ended_us`: when it ended, if it is over.
    """
    where = location(case)
    if where is not None:
        return _joined([headline(case, where, ended_us, draft.phase), cause(draft.blamed, draft, view)])
    lead = lead_alert(case)
    text = describe_open(lead) if lead.open else describe_resolved(lead)
    back = draft.phase == "tail" or (not suffering and not lead.open)
    same = [] if back else sorted({episode.kind for episode in case.episodes if episode.user == lead.user and episode.open} - {lead.kind})
    also = f"Also: {listed([KIND_LABELS[kind] for kind in same])}." if same else ""
    users = [name for name in case.affected_users if name != lead.user]
    still = sorted(set(users) & set(suffering))
    return _joined([text, also, _victims(users, still, draft.phase if lead.open else None), cause(draft.blamed, draft, view)])


def lead_alert(case: IncidentSnapshot) -> AlertSnapshot:
    """The subject of an incident, over or not: at the origin its own storm, then a queue, then the most severe kind."""
    own = case.origin_alerts or case.episodes
    return min(own, key=lambda episode: (_rank(episode), episode.onset_us, episode.alert_id))


def _rank(episode: AlertSnapshot) -> int:
    ranks = {"backlog": 1, "storm": 2, "silence": 3, "failures": 4, "drop": 5, "drift": 6, "stale": 7}
    return 0 if is_self_inflicted_storm(episode) and episode.peak >= _STORMY * episode.usual_at_peak else ranks[episode.kind]


def _victims(users: list[str], still: list[str], phase: Phase | None) -> str:
    """`phase`: None once the main alert is over."""
    if not users:
        return ""
    if phase is not None:
        return _suffer(users, phase)
    after = f" {len(still)} still {'do' if len(still) > 1 else 'does'} ({listed(still)})." if still else ""
    return f"{len(users)} other {'Users' if len(users) > 1 else 'User'} suffered.{after}"


def suspect_line(suspect: Suspect, view: CalendarView, now_us: int) -> str:
    """A timeline's line for a new first suspect."""
    if suspect.basis == "undeclared":
        return f"Suspected ({suspect.verdict}): a change at {suspect.owner} that nobody declared."
    change = view.by_key.get(suspect.key or "")
    who = change_label(change, view, now_us) if change is not None else f"{suspect.change_id} of {suspect.owner}"
    return f"Suspected ({suspect.verdict}): {who}."
