"""Changes over HTTP: declared, revised, listed; a User its own, the triage desk everyone's.

A change is identified by its owner and its `change_id`. A path with the `change_id` alone means the caller's own change.
"""

import asyncio
import hashlib
import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from models.canonical_json import to_json
from models.change import EXAMPLE, Change
from models.times import At
from models.vocabulary import ChangeCategory, ChangeStatus
from service.access import Principal, Role
from service.auth.authentication import Declarer, Reader
from service.http.routes.common import Listing, Page, position, raw, raw_page
from service.http.routes.parts import ChangeDeclarationsDep, DatabaseDep, OpaqueIdsDep, PlanningRoomDep, TurnsDep
from service.ingest.turns import Turns
from service.planning import answers
from service.planning.room import PlanningRoom
from service.problems import CONFLICTS, Problem, not_found
from service.store import records
from service.store.database import Database
from service.store.records import CHANGE, Wanted
from service.triage import examination
from service.triage.change_declaration import ChangeDeclarations
from service.triage.change_names import resolve
from service.triage.examination import Declaration
from service.triage.exports.record_exports import Gone

router = APIRouter(tags=["changes"], responses=CONFLICTS)
_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Change"}, "example": EXAMPLE}}
_SCHEMA: dict[str, Any] = {"requestBody": {"required": True, "content": _CONTENT}}
_MAX_CHANGES = 1000
_LONGEST_KEY = 256
"""Bytes of an `Idempotency-Key`."""
_PARSED_AT_ONCE = 32_768
"""Bytes of a body that is parsed on the event loop."""


class Parcel(BaseModel):
    """What of an export a body holds."""

    part: bool = Field(default=False, description="More of the same export follows: nothing that is missing here is withdrawn yet.")
    since: At | None = Field(default=None, description="The body leaves out what ended before: nothing of that is withdrawn.")


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
    wanted = Wanted(CHANGE, listing.since_us, position(ids, principal, CHANGE, listing), listing.limit, equal)
    bodies, following = database.read(partial(records.page, principal=principal, wanted=wanted))
    return raw_page(bodies, ids.cursor(principal, CHANGE, following))


@router.get("/v1/changes/{change_id}", summary="One's own change")
def own_change(database: DatabaseDep, principal: Reader, change_id: str) -> Response:
    """Its last revision. An id that only other owners use means theirs, as far as the reader may see it; 409 if several do."""
    return _one(database, principal, change_id)


@router.get("/v1/changes/{owner}/{change_id:path}", summary="One change")
def change(database: DatabaseDep, principal: Reader, owner: str, change_id: str) -> Response:
    """Its last revision, as far as the reader may see it."""
    return _one(database, principal, f"{owner}/{change_id}")


def _one(database: Database, principal: Principal, name: str) -> Response:
    key = resolve(database, principal, name)
    body = None if key is None else database.read(partial(records.one, principal=principal, kind=CHANGE, id=key))
    if body is None:
        raise not_found(CHANGE)
    return raw(body)


@router.post("/v1/changes", status_code=201, openapi_extra=_SCHEMA, summary="Declare a change")
async def declare(
    request: Request,
    declarations: ChangeDeclarationsDep,
    room: PlanningRoomDep,
    turns: TurnsDep,
    principal: Declarer,
    of_export: Annotated[Parcel, Query()],
) -> Response:
    """201 for a new change or a higher revision, 200 if it stands already, 409 if it is outranked or in conflict.

    An array of up to 1,000 is answered item by item: `{"items": [{"status", "owner", "change_id", "revision", "change" | "detail"}]}`.
    An array is an export: of a repeating event (`series`) it counts whole, and the times that it no longer holds are cancelled and
    listed under `withdrawn`. A change whose `record_id` stands under another owner or id is withdrawn there too (`now` names it), by a
    token of the desk for every owner. The desk reads under `doubts` what likely stands under another owner. With an `Idempotency-Key`
    header a User's change without `change_id` gets the same id each time that it is posted under this key, so that a repeat makes no
    second change.
    """
    given = _with_lasting_ids(principal, await _json(request), request.headers.get("idempotency-key", ""))
    if isinstance(given, list):
        return await _declare_several(declarations, turns, principal, given, of_export)
    async with turns.of(_turn(principal)), declarations.lock:
        made = await asyncio.to_thread(declarations.examine, principal, given)
        await declarations.declare_examined(principal, [made])
    return await _answer(room, principal, made.change, 201 if made.is_new else 200)


def _with_lasting_ids(principal: Principal, given: Any, key: str) -> Any:
    """A User's changes without an id get one that depends on the key of the request and on their place in it."""
    if len(key.encode()) > _LONGEST_KEY:
        raise Problem(422, f"Idempotency-Key must not be longer than {_LONGEST_KEY} bytes")
    if not key or principal.role is not Role.USER:
        return given
    if isinstance(given, list):
        return [_with_lasting_id(principal, one, f"{key} {index}") for index, one in enumerate(given)]
    return _with_lasting_id(principal, given, key)


def _with_lasting_id(principal: Principal, given: Any, name: str) -> Any:
    if not isinstance(given, dict) or given.get("change_id") is not None:
        return given
    return {**given, "change_id": f"CHG-{hashlib.sha256(f'{principal.user} {name}'.encode()).hexdigest()[:16]}"}


async def _declare_several(
    declarations: ChangeDeclarations, turns: Turns, principal: Principal, given: list[Any], of_export: Parcel
) -> Response:
    if not 0 < len(given) <= _MAX_CHANGES:
        raise Problem(422, "declare 1 to 1,000 changes at once")
    async with turns.of(_turn(principal)), declarations.lock:
        made = await asyncio.to_thread(declarations.examine_all, principal, given, part=of_export.part)
        declared = await declarations.declare_examined(principal, made)
        export = [] if of_export.part else await asyncio.to_thread(_export, principal, given, made)
        gone = declared.gone + (await declarations.close_export(principal, export, of_export.since) if export else [])
    statuses = {_status(one) for one in made}
    status = next((code for code in (201, 200) if code in statuses), max(statuses))
    return Response(await asyncio.to_thread(_answer_of_several, made, gone, declared.doubts), status, media_type="application/json")


def _answer_of_several(made: list[Declaration | Problem], gone: list[Gone], doubts: list[str]) -> str:
    answer: dict[str, Any] = {"items": [_item(one) for one in made]}
    if gone:
        answer["withdrawn"] = [one.fields for one in gone]
    if doubts:
        answer["doubts"] = doubts
    return json.dumps(answer, ensure_ascii=False)


def _export(principal: Principal, given: list[Any], made: list[Declaration | Problem]) -> list[Change]:
    """The body as an export of calendars; empty where it holds what can't be read, which may be any time of any series.

    What is refused although it can be read (a night that is too far ahead) is part of the export all the same.
    """
    if any(isinstance(one, Problem) and one.status not in (409, 422) for one in made):
        return []
    try:
        return [examination.parse(examination.named(principal, one)) for one in given]
    except Problem:
        return []


def _item(made: Declaration | Problem) -> dict[str, Any]:
    if isinstance(made, Problem):
        return {"status": made.status, "detail": made.detail}
    fields = json.loads(to_json(made.change))
    names = {name: fields[name] for name in ("owner", "change_id", "revision")}
    return {"status": _status(made), **names, "change": fields}


def _status(made: Declaration | Problem) -> int:
    return made.status if isinstance(made, Problem) else 201 if made.is_new else 200


@router.put("/v1/changes", openapi_extra=_SCHEMA, summary="Revise the change in the body")
async def revise_named_inside(
    request: Request, declarations: ChangeDeclarationsDep, room: PlanningRoomDep, turns: TurnsDep, principal: Declarer
) -> Response:
    """The next revision of the change in the body; without `revision` it gets the next number."""
    given = await _json(request)
    if not isinstance(given, dict):
        raise Problem(422, "the body must be one change")
    owner, change_id = given.get("owner"), str(given.get("change_id", ""))
    return await _revise(
        declarations, room, turns, principal, given, f"{owner}/{change_id}" if owner and "/" not in str(owner) else change_id
    )


@router.put("/v1/changes/{change_id}", openapi_extra=_SCHEMA, summary="Revise one's own change")
async def revise_own(
    request: Request, declarations: ChangeDeclarationsDep, room: PlanningRoomDep, turns: TurnsDep, principal: Declarer, change_id: str
) -> Response:
    """The next revision; without `revision` it gets the next number."""
    return await _revise(declarations, room, turns, principal, await _json(request), change_id)


@router.put("/v1/changes/{owner}/{change_id:path}", openapi_extra=_SCHEMA, summary="Revise a change")
async def revise(
    request: Request,
    declarations: ChangeDeclarationsDep,
    room: PlanningRoomDep,
    turns: TurnsDep,
    principal: Declarer,
    owner: str,
    change_id: str,
) -> Response:
    """The next revision; without `revision` it gets the next number, unless it says what stands. An undeclared change is declared: 201."""
    return await _revise(declarations, room, turns, principal, await _json(request), f"{owner}/{change_id}")


async def _revise(
    declarations: ChangeDeclarations, room: PlanningRoom, turns: Turns, principal: Principal, given: Any, name: str
) -> Response:
    if not isinstance(given, dict):
        raise Problem(422, "the body must be one change")
    async with turns.of(_turn(principal)), declarations.lock:
        key = await asyncio.to_thread(declarations.resolve, principal, name)
        if key is None:
            raise not_found(CHANGE)
        owner, _, change_id = key.partition("/")
        if given.get("owner") not in (None, owner) or given.get("change_id") not in (None, change_id):
            raise Problem(422, "owner and change_id in the body differ from those in the address")
        number = await asyncio.to_thread(declarations.next_revision, key)
        named = {**given, "owner": owner, "change_id": change_id}
        if named.get("revision") is None:
            made = await asyncio.to_thread(declarations.examine_revision, principal, named, key)
        else:
            made = await asyncio.to_thread(declarations.examine, principal, named)
        await declarations.declare_examined(principal, [made])
    return await _answer(room, principal, made.change, 201 if number == 1 else 200)


async def _answer(room: PlanningRoom, principal: Principal, change: Change, status: int) -> Response:
    """The declared change, followed by its conflicts and free times if there are conflicts."""
    if not change.explains:
        return raw(to_json(change), status)
    return raw(await room.answered(principal, answers.declared, principal, change), status)


@router.post("/v1/changes/preview", response_model=dict[str, Any], openapi_extra=_SCHEMA, summary="Show conflicts before declaring")
async def preview(request: Request, room: PlanningRoomDep, principal: Declarer) -> Response:
    """The conflicts that the change would have, free times, and its missing items; nothing is declared."""
    made = examination.parse(examination.named(principal, await _json(request)))
    examination.check_owner(principal, made)
    return raw(await room.answered(principal, answers.previewed, principal, made))


@router.post("/v1/changes/{owner}/{change_id:path}", status_code=201, openapi_extra=_SCHEMA, summary="Declare a change by its name")
async def declare_named(
    request: Request,
    declarations: ChangeDeclarationsDep,
    room: PlanningRoomDep,
    turns: TurnsDep,
    principal: Declarer,
    owner: str,
    change_id: str,
) -> Response:
    """As `POST /v1/changes`; `owner` and `change_id` come from the address."""
    given = await _json(request)
    if not isinstance(given, dict):
        raise Problem(422, "the body must be one change")
    if given.get("owner") not in (None, owner) or given.get("change_id") not in (None, change_id):
        raise Problem(422, "owner and change_id in the body differ from those in the address")
    async with turns.of(_turn(principal)), declarations.lock:
        made = await asyncio.to_thread(declarations.examine, principal, {**given, "owner": owner, "change_id": change_id})
        await declarations.declare_examined(principal, [made])
    return await _answer(room, principal, made.change, 201 if made.is_new else 200)


def _turn(principal: Principal) -> str:
    """Declarations of one User, or of one token of the desk, follow each other; its events wait for none of them."""
    return f"changes/{principal.user or principal.id}"


async def _json(request: Request) -> Any:
    body = await request.body()
    try:
        return json.loads(body) if len(body) < _PARSED_AT_ONCE else await asyncio.to_thread(json.loads, body)
    except json.JSONDecodeError as fault:
        raise Problem(400, f"the body is not valid JSON: {fault.msg} at position {fault.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as fault:
        raise Problem(400, f"the body is not valid JSON: {type(fault).__name__}") from None
