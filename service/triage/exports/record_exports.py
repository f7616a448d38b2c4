"""Record exports: a change whose owner or id changed at its source leaves its earlier name, within what the caller may declare."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from changes.files.record_names import Name, name_now, newest_names, renamed, same_elsewhere
from models.change import Change
from service.access import Principal, Role
from service.problems import Problem


@dataclass(frozen=True, slots=True)
class Gone:
    """A change that was withdrawn because the newest export no longer holds it."""

    change: Change
    now: str | None = None
    """`owner/change_id` of its record now; None where it is a time of a series that is no longer held."""

    @property
    def fields(self) -> dict[str, str]:
        """For an answer."""
        named = {"owner": self.change.owner, "change_id": self.change.change_id}
        return named if self.now is None else {**named, "now": self.now}


class RecordExports:
    """Compares the `record_id` of what is declared with what stands. A User's exports concern its own changes alone."""

    def __init__(self, declared: Callable[[], list[Change]]) -> None:
        self._declared = declared

    def names(self, principal: Principal) -> dict[str, Name]:
        """The newest name of each record that the caller may declare."""
        return newest_names(self._standing(principal))

    def renamed(self, principal: Principal, declared: Iterable[Change]) -> list[Gone]:
        """What stands under an earlier name of the records that were `declared` just now."""
        records = {one.record_id for one in declared if one.record_id is not None}
        if not records:
            return []
        standing = [one for one in self._standing(principal) if one.record_id in records]
        return [Gone(cancelled, now) for cancelled, now in renamed(standing, newest_names(standing))]

    def doubts(self, principal: Principal, new: Sequence[Change]) -> list[str]:
        """For the desk: which of `new`, before they are declared, likely stand under another owner or name, a line each."""
        if principal.role is Role.USER or not new:
            return []
        records = {one.record_id for one in new if one.record_id is not None}
        held = [*(one for one in self._declared() if one.record_id in records), *new] if records else []
        unsettled = [name for name in newest_names(held).values() if name.others]
        return [*same_elsewhere(new, self._declared()), *(name.unsettled_text for name in unsettled)]

    def _standing(self, principal: Principal) -> Iterable[Change]:
        every = self._declared()
        return every if principal.role is not Role.USER else (one for one in every if one.owner == principal.user)


def refuse_earlier_name(change: Change, names: dict[str, Name]) -> None:
    """Raises Problem 409 for a change whose record has another name in a newer export."""
    now = name_now(change, names)
    if now is not None:
        raise Problem(409, f"a newer export of this record stands as {now}")
