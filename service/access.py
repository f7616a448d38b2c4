"""Access: the one filter for every list, stream, chart and text. A role that it does not know sees nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.errors import Malformed

DESK = ""
"""Audience of the triage desk's own records, which are all records."""
EVERYONE = "*"
"""Audience of records that every User may see, such as an operator's change."""
_USER = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Role(StrEnum):
    """The purpose of a token."""

    INGEST = "ingest"
    OBSERVER = "observer"
    TRIAGE = "triage"
    USER = "user"
    ADMIN = "admin"


DESK_ROLES = frozenset({Role.OBSERVER, Role.TRIAGE, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Share:
    """Whose part of this machine a request uses."""

    name: str
    of_desk: bool = False


MOVE = "highwater.move"
"""Where a request's scope holds how it moves to the share of whoever turns out to have sent it."""


async def count_for(scope: Mapping[str, Any], share: Share) -> None:
    """The request counts for this share from now on: until its secret was looked up it counted for its address."""
    move = scope.get(MOVE)
    if move is not None:
        await move(share)


@dataclass(frozen=True, slots=True)
class Principal:
    """The requester: a token's holder, with the role of the token."""

    id: str
    name: str
    role: Role
    user: str | None = None
    """The User whose data the token may access; set with `Role.USER` only."""
    by_cookie: bool = False
    ends_us: int | None = None
    """When an identity provider's token expires; our own tokens are looked up."""
    session: str = ""
    """Hash of the browser session's secret; empty without one."""

    @property
    def holder(self) -> str:
        """The owner of the subscriptions: a User, or the triage desk."""
        return self.user or DESK

    @property
    def share(self) -> Share:
        """All tokens of a User use one share."""
        return Share(f"user {self.user}" if self.user else f"token {self.id}", self.role in DESK_ROLES)

    @property
    def role_text(self) -> str:
        """The role as a token names it."""
        return f"user:{self.user}" if self.role is Role.USER else str(self.role)


@dataclass(frozen=True, slots=True)
class View:
    """Records of one audience, except those of one owner."""

    audience: str
    but_owner: str | None = None


def views(principal: Principal) -> tuple[View, ...]:
    """The part of `records` and `standing` (columns `audience`, `owner`) that the principal may see."""
    if principal.role in DESK_ROLES:
        return (View(DESK),)
    if principal.role is Role.USER and principal.user:
        return (View(principal.user), View(EVERYONE, principal.user))
    return ()


def sees_record(principal: Principal, audience: str, owner: str) -> bool:
    """The same rule for a single record."""
    return any(audience == view.audience and owner != view.but_owner for view in views(principal))


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A condition on rows and its values; `AND` it to every query on a tenant's data."""

    sql: str
    values: tuple[str, ...]


def series_filter(principal: Principal) -> RowFilter:
    """Which rows of `series` (column `user`) the principal may see."""
    if principal.role in DESK_ROLES:
        return RowFilter("1", ())
    if principal.role is Role.USER and principal.user:
        return RowFilter("user = ?", (principal.user,))
    return RowFilter("0", ())


def is_user(name: str) -> bool:
    """Whether `name` can be a User ID; an audience of that name belongs to that User only."""
    return _USER.fullmatch(name) is not None


def parse_role(text: str) -> tuple[Role, str | None]:
    """`user:ACME` → (Role.USER, "ACME"); the other roles have no User. Raises Malformed."""
    name, colon, user = text.partition(":")
    if name == Role.USER and colon and is_user(user):
        return Role.USER, user
    if not colon and name in {role.value for role in Role if role is not Role.USER}:
        return Role(name), None
    raise Malformed(f"{text!r:.80} is not a role: use ingest, observer, triage, admin or user:<ID>")


def holder_sees(holder: str, audience: str, owner: str) -> bool:
    """The same rule for a subscription, of a User or of the triage desk (`Principal.holder`)."""
    role = Role.USER if holder else Role.TRIAGE
    return sees_record(Principal("", "", role, holder or None), audience, owner)
