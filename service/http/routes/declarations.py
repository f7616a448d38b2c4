"""Declaration records: how accurate each User's declarations were; a User's own, all of them for the desk."""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.access import DESK_ROLES
from service.auth.authentication import Reader
from service.http.routes.common import EncodedInThread
from service.http.routes.parts import DeclarationBookDep
from service.problems import RESPONSES
from service.triage.declaration_records import DeclarationCounts

router = APIRouter(route_class=EncodedInThread, tags=["changes"], responses=RESPONSES)


class Record(BaseModel):
    """Counts of one User's changes since this monitor began."""

    user: str
    declared: int = Field(description="Changes that it declared; drafts and cancelled ones do not count.")
    reported: int = Field(description="Of them, those with a report.")
    on_time: int = Field(description="Of those with a report: declared before they began.")
    kept_to_time: int = Field(
        description="Of those with a report: neither started early nor overran, or the desk refuted that they were the cause."
    )
    scope_right: int = Field(description="Of those with a report: without an effect outside the declared one.")
    undeclared: int = Field(
        description="Incidents that an undeclared change of this User caused: confirmed by the desk, or probable and not refuted."
    )
    declared_share: float | None = Field(description="declared / (declared + undeclared); null while there is none.")


class Records(BaseModel):
    """The records that the token may see."""

    items: list[Record] = Field(description="By User.")
    next: str | None = Field(None, description="Always null: one page contains all of them.")


@router.get("/v1/declarations", summary="How accurate declarations were")
def declarations(book: DeclarationBookDep, principal: Reader) -> Records:
    """One record per User; a User sees its own only, an empty one at first. What the desk refutes no longer counts."""
    counted = book.counted()
    if principal.role in DESK_ROLES:
        return Records(items=[_record(one) for one in counted.values()])
    own = () if principal.user is None else (principal.user,)
    return Records(items=[_record(counted.get(user) or DeclarationCounts(user)) for user in own])


def _record(of: DeclarationCounts) -> Record:
    return Record(**asdict(of), declared_share=of.declared_share)
