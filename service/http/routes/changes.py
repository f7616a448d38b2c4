"""Changes over HTTP: declared, revised, looked at; a User its own, the triage desk everyone's."""

import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, ValidationError

from models.canonical_json import to_json
from models.change import Change
from models.vocabulary import ChangeCategory, ChangeStatus
from models.wire_model import reason
from service.access import Principal
from service.auth.authentication import Declarer, Reader
from service.http.routes.common import Listing, Page, place, raw, raw_page
from service.http.routes.parts import ChangeDeclarationsDep, DatabaseDep, EngineDep, OpaqueIdsDep
from service.problems import RESPONSES, Problem, not_found
from service.store import records
from service.store.database import Database
from service.store.records import CHANGE, Wanted
from service.triage import change_declaration
from service.triage.change_declaration import ChangeDeclarations

router = APIRouter(tags=["changes"], responses=RESPONSES)
_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Change"}, "example": Change.model_json_schema()["examples"][0]}}
_SCHEMA: dict[str, Any] = {"requestBody": {"required": True, "content": _CONTENT}}


class ChangeListing(Listing):
    """Which changes."""

    status: ChangeStatus | None = None
    category: ChangeCategory | None = None
    owner: str | None = Field(None, max_length=200)


@router.get("/v1/changes", response_model=Page, summary="List changes")
def changes(database: DatabaseDep, ids: OpaqueIdsDep, principal: Reader, listing: Annotated[ChangeListing, Query()]) -> Response:
    """The last revision of each. A User sees its own, the operator's, and the public summaries of others'."""
    equal = tuple(
        (name, value) for name, value in (("status", listing.status), ("topic", listing.category), ("owner", listing.owner)) if value
    )
    wanted = Wanted(CHANGE, listing.since_us, place(ids, principal, CHANGE, listing), listing.limit, equal)
    bodies, following = database.read(partial(records.page, principal=principal, wanted=wanted))
    return raw_page(bodies, ids.cursor(principal, CHANGE, following))


@router.get("/v1/changes/{change_id:path}", summary="One change")
def change(database: DatabaseDep, principal: Reader, change_id: str) -> Response:
    """Its last revision, as far as the reader may see it."""
    body = database.read(partial(records.one, principal=principal, kind=CHANGE, id=change_id))
    if body is None:
        raise not_found(CHANGE)
    return raw(body)


@router.post("/v1/changes", status_code=201, openapi_extra=_SCHEMA, summary="Declare a change")
async def declare(request: Request, database: DatabaseDep, declarations: ChangeDeclarationsDep, principal: Declarer) -> Response:
    """A new change, or a further revision under a higher `revision`. The same again is harmless. An array declares several."""
    given = await _json(request)
    several = isinstance(given, list)
    if several and not 0 < len(given) <= 1000:
        raise Problem(422, "declare 1 to 1,000 changes at once")
    made = [_change(one) for one in given] if several else [_change(given)]
    async with declarations.lock:
        fresh = [change_declaration.may_declare(database, principal, one) for one in made]
        await declarations.declare(principal, [one for one, new in zip(made, fresh, strict=True) if new])
    bodies = [to_json(one) for one in made]
    status = 201 if any(fresh) else 200
    return raw(b'{"items":[' + b",".join(bodies) + b"]}" if several else bodies[0], status)


@router.put("/v1/changes", openapi_extra=_SCHEMA, summary="Revise a change")
async def revise_named_inside(
    request: Request, database: DatabaseDep, declarations: ChangeDeclarationsDep, principal: Declarer
) -> Response:
    """The next revision of the change that the body names; without `revision` it is numbered."""
    given = await _json(request)
    return await _revise(database, declarations, principal, given, str(given.get("change_id", "")) if isinstance(given, dict) else "")


@router.put("/v1/changes/{change_id:path}", openapi_extra=_SCHEMA, summary="Revise a change by its id")
async def revise(
    request: Request, database: DatabaseDep, declarations: ChangeDeclarationsDep, principal: Declarer, change_id: str
) -> Response:
    """The next revision; without `revision` it is numbered."""
    return await _revise(database, declarations, principal, await _json(request), change_id)


async def _revise(database: Database, declarations: ChangeDeclarations, principal: Principal, given: Any, change_id: str) -> Response:
    if not isinstance(given, dict):
        raise Problem(422, "the body must be one change")
    if given.get("change_id", change_id) != change_id:
        raise Problem(422, "change_id in the body is not the one in the address")
    async with declarations.lock:
        standing = change_declaration.standing(database, principal, change_id)
        numbered = {**given, "change_id": change_id}
        numbered.setdefault("revision", standing.revision + 1)
        made = _change(numbered)
        if change_declaration.may_declare(database, principal, made):
            await declarations.declare(principal, [made])
    return raw(to_json(made))


@router.post("/v1/changes/preview", openapi_extra=_SCHEMA, summary="See conflicts before declaring")
async def preview(request: Request, engine: EngineDep, principal: Declarer) -> dict[str, Any]:
    """What the change would collide with, and what it lacks; nothing is declared."""
    made = _change(await _json(request))
    change_declaration.check_owner(principal, made)
    return change_declaration.preview(engine.declared_changes(), principal, made)


async def _json(request: Request) -> Any:
    body = await request.body()
    try:
        return json.loads(body)
    except json.JSONDecodeError as fault:
        raise Problem(400, f"the body is no JSON: {fault.msg} at position {fault.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as fault:
        raise Problem(400, f"the body is no JSON: {type(fault).__name__}") from None


def _change(given: Any) -> Change:
    try:
        return Change.model_validate(given)
    except ValidationError as fault:
        raise Problem(422, reason(fault)) from None
