"""Names of changes in addresses: `owner/change_id`, or the `change_id` alone for the caller's own."""

from functools import partial

from service.access import Principal, Role
from service.problems import Problem
from service.store import records
from service.store.database import Database
from service.store.records import CHANGE


def resolve(database: Database, principal: Principal, name: str, *, to_write: bool = False) -> str | None:
    """The key of the change that `name` means for the caller; None if the caller may not know of any.

    `to_write`: a full name that nobody declared yet is a key too. Raises Problem 409 if several owners, but not the caller, use a
    `change_id`.
    """
    owner, slash, _ = name.partition("/")
    if slash and database.read(partial(records.one, principal=principal, kind=CHANGE, id=name)) is not None:
        return name
    owners = database.read(partial(records.change_owners, principal=principal, change_id=name))
    own = principal.user if principal.role is Role.USER else "DCC"
    if own in owners:
        return f"{own}/{name}"
    if principal.role is Role.USER and to_write:
        return name if slash and owner == own else None
    if len(owners) > 1:
        listed = " and ".join(f"{owner}/{name}" for owner in owners)
        raise Problem(409, f"several owners use this change_id: name one of {listed}")
    if owners:
        return f"{owners[0]}/{name}"
    return name if slash and to_write else None
