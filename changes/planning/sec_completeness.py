"""Completeness: the items that the Smart Energy Code requires of a change led by the DCC."""

from collections.abc import Iterable
from dataclasses import dataclass

from changes.planning.sec_limits import is_maintenance
from models.change import Change

_PLACEHOLDERS = frozenset(
    {"", "tbc", "tbd", "tba", "n/a", "na", "n.a", "todo", "to do", "to be confirmed", "to be decided", "x", "xx", "xxx"}
)
"""Placeholder texts for items that are still missing. "None" is an answer."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One required item that a change does not have."""

    change_id: str
    item: str
    """Its SEC number, such as H8.4(b)."""
    text: str
    """What to add, and where."""


def missing(change: Change) -> tuple[Missing, ...]:
    """The missing items of `change`, in order of the SEC numbers; nothing for a User's change or a cancelled one.

    SEC H8.4 applies to Planned Maintenance, H8.8 to changes to DCC Internal Systems. An incomplete change is kept and used nevertheless.
    """
    if change.source != "dcc" or change.status == "cancelled":
        return ()
    if is_maintenance(change):
        return tuple(Missing(change.change_id, item, text) for item, text in _planned_maintenance(change))
    if change.category == "internal_system":
        return tuple(Missing(change.change_id, item, text) for item, text in _internal_system(change))
    return ()


def all_missing(changes: Iterable[Change]) -> tuple[Missing, ...]:
    """The missing items of all `changes`, in their order."""
    return tuple(one for change in changes for one in missing(change))


def described(change: Change) -> list[dict[str, str]]:
    """`missing` as JSON-like objects: change_id, item, text."""
    return [as_object(one) for one in missing(change)]


def as_object(one: Missing) -> dict[str, str]:
    """One missing item as a JSON-like object."""
    return {"change_id": one.change_id, "item": one.item, "text": one.text}


def _planned_maintenance(change: Change) -> Iterable[tuple[str, str]]:
    if _blank(change.title):
        yield "H8.4(a)", "the proposed Maintenance activity: describe it in `title`"
    if all(map(_blank, (*change.services, *change.systems))):
        yield "H8.4(b)", "the parts of the Services that are disrupted or at Material Risk: name them in `services` or `systems`"
    elif "disruption" not in change.model_fields_set:
        yield "H8.4(b)", "whether they are disrupted or at Material Risk: set `disruption` (none, risk or outage)"
    if change.planned_end <= change.planned_start:
        yield "H8.4(c)", "the time and duration: `planned_end` must be after `planned_start`"
    if _blank(change.return_to_normal_risk):
        yield "H8.4(d)", "the risk to the return of normal Services: describe it in `return_to_normal_risk`"


def _internal_system(change: Change) -> Iterable[tuple[str, str]]:
    if _blank(change.impact_assessment):
        yield "H8.8(a)", "the assessment of its impact on Users: describe it in `impact_assessment`"
    if _blank(change.consultation):
        yield "H8.8(b)", "the consultation on a Material Risk of disruption: describe it in `consultation`"
    if _blank(change.testing_opportunity):
        yield "H8.8(c)", "the opportunity for Users to test: describe it in `testing_opportunity`"
    if _blank(change.security_assessment):
        yield "H8.8(d)", "the security assessment: describe it in `security_assessment`"


def _blank(text: str | None) -> bool:
    return text is None or text.strip(" .!?-–—_*…").casefold() in _PLACEHOLDERS
