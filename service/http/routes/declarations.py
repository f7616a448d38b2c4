"""Declaration records: how accurate each User's declarations were; a User's own, all of them for the desk."""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, Field

from correlation.change_reports.declaration_record import DeclarationRecord
from service.access import DESK_ROLES
from service.auth.authentication import Reader
from service.http.routes.parts import EngineDep
from service.problems import RESPONSES

router = APIRouter(tags=["changes"], responses=RESPONSES)


class Record(BaseModel):
    """Counts of one User's changes since this monitor began."""

    user: str
    declared: int = Field(description="Changes whose report was written.")
    on_time: int = Field(description="Those declared before they began.")
    kept_to_time: int = Field(description="Those that neither started early nor overran.")
    scope_right: int = Field(description="Those without an effect outside the declared one.")
    undeclared: int = Field(description="Incidents that an undeclared change of this User probably caused.")
    declared_share: float | None = Field(description="declared / (declared + undeclared); null while there is none.")


class Records(BaseModel):
    """The records that the token may see."""

    items: list[Record] = Field(description="By User.")
    next: str | None = Field(None, description="Always null: one page contains all of them.")


@router.get("/v1/declarations", summary="How accurate declarations were")
def declarations(engine: EngineDep, principal: Reader) -> Records:
    """One record per User; a User sees its own only, an empty one at first. If Kafka workers judge, nothing is counted here."""
    counted = engine.declaration_records
    own = () if principal.user is None else (principal.user,)
    users = counted.users() if principal.role in DESK_ROLES else own
    return Records(items=[_record(counted.of(user)) for user in users])


def _record(of: DeclarationRecord) -> Record:
    return Record(**asdict(of), declared_share=of.declared_share)
