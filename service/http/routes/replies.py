"""Replies to changes of the DCC's: consultation, and signing up for tests."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.vocabulary import Text
from service.auth.authentication import Declarer, Reader
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep
from service.problems import RESPONSES
from service.triage import change_replies
from service.triage.change_replies import ReplyKind

router = APIRouter(tags=["changes"], responses=RESPONSES)
_PATH = "/v1/change-replies/{owner}/{change_id:path}"


class Reply(BaseModel):
    """What a Party says of a change."""

    kind: ReplyKind = Field(description="`consultation`: what it thinks of the change; `testing`: it takes the opportunity to test.")
    text: Text = Field(max_length=2000, examples=["We agree, provided that the window ends before 06:00."])
    user: Annotated[str | None, Field(max_length=64, description="The desk only: the User whose reply it writes down.")] = None


class Replies(BaseModel):
    """The replies that the token may read."""

    items: list[dict[str, Any]] = Field(description="`at`, `by`, `user`, `kind`, `text`; oldest first.")
    next: str | None = Field(None, description="Always null: one page holds them all.")


@router.get(_PATH, summary="Replies to a change")
def listed(database: DatabaseDep, principal: Reader, owner: str, change_id: str) -> Replies:
    """All of them for the desk; a User's own for that User."""
    return Replies(items=database.read(partial(change_replies.replies, principal=principal, key=f"{owner}/{change_id}")))


@router.post(_PATH, status_code=201, summary="Reply to a change")
async def reply(database: DatabaseDep, clock: ClockDep, principal: Declarer, owner: str, change_id: str, body: Reply) -> Replies:
    """Kept with date and name. Other Users never read it."""
    detail = {name: value for name, value in body.model_dump().items() if value is not None}
    job = partial(change_replies.reply, principal=principal, key=f"{owner}/{change_id}", now_us=clock.wall_us(), detail=detail)
    return Replies(items=await committed(database, job))
