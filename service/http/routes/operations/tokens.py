"""Tokens and sessions over HTTP."""

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from models.times import At, format_time, us
from models.vocabulary import Text
from service.auth.authentication import CSRF_HEADER, Admin, asking
from service.auth.token_admin import end, issue
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep, OpenStreamsDep, ServeParametersDep, SignInDep
from service.problems import RESPONSES, Problem, not_found
from service.store import tokens
from service.store.tokens import Token

router = APIRouter(tags=["tokens"], responses=RESPONSES)


class TokenWish(BaseModel):
    """A token to create."""

    role: Text = Field(description="`ingest`, `observer`, `triage`, `user:<ID>` or `admin`.", examples=["user:SUP-01"], max_length=80)
    name: Text = Field(description="Whose it is.", examples=["SUP-01 operations"], max_length=200)
    expires_at: At | None = Field(None, description="When it expires; null: never.")


class MadeToken(BaseModel):
    """A new token; the secret is shown only this once."""

    id: str
    secret: str


class TokenShown(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    role: str
    created_at: str
    created_by: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class TokenPage(BaseModel):
    """Every token."""

    items: list[TokenShown]
    next: None = None


class Credentials(BaseModel):
    """The credentials of a browser."""

    token: Text = Field(max_length=500)


class Whoami(BaseModel):
    """The signed-in principal."""

    name: str
    role: str
    user: str | None


@router.post("/v1/tokens", status_code=201, summary="Create a token")
async def create(database: DatabaseDep, clock: ClockDep, principal: Admin, wish: TokenWish) -> MadeToken:
    """The secret is in this answer and nowhere else: only its hash is stored."""
    now_us = clock.wall_us()
    expires_us = us(wish.expires_at) if wish.expires_at else None
    if expires_us is not None and expires_us <= now_us:
        raise Problem(422, "expires_at: it must not be in the past")
    token, secret = await committed(
        database, partial(issue, by=principal, role=wish.role, name=wish.name, now_us=now_us, expires_us=expires_us)
    )
    return MadeToken(id=token.id, secret=secret)


@router.get("/v1/tokens", summary="List tokens")
def listed(database: DatabaseDep, _: Admin) -> TokenPage:
    """Oldest first, including revoked ones."""
    return TokenPage(items=[_shown(token) for token in database.read(tokens.listed)])


@router.delete("/v1/tokens/{token_id}", status_code=204, summary="Revoke a token")
async def revoke(
    database: DatabaseDep, clock: ClockDep, authentication: SignInDep, streams: OpenStreamsDep, principal: Admin, token_id: str
) -> Response:
    """The token and its sessions end at once."""
    if not await committed(database, partial(end, by=principal, token_id=token_id, now_us=clock.wall_us())):
        raise not_found("token that still works")
    authentication.forget()
    streams.look_soon()
    return Response(status_code=204)


@router.post("/v1/session", summary="Sign a browser in")
async def sign_in(
    request: Request,
    database: DatabaseDep,
    clock: ClockDep,
    authentication: SignInDep,
    parameters: ServeParametersDep,
    credentials: Credentials,
) -> Response:
    """Exchanges a token for an HttpOnly, SameSite cookie; unsafe requests with it must carry the header `X-Highwater`."""
    authentication.check_site(request)
    token = await asyncio.to_thread(authentication.token, credentials.token.strip(), request)
    now_us = clock.wall_us()
    seconds = int(parameters.session_hours * 3600)
    expires_us = min(now_us + seconds * 1_000_000, token.expires_us or 1 << 62)
    secret = await committed(database, partial(tokens.open_session, token_id=token.id, now_us=now_us, expires_us=expires_us))
    answer = Response(status_code=204)
    answer.set_cookie(
        authentication.cookie, secret, max_age=seconds, path="/", httponly=True, samesite="strict", secure=authentication.is_secure
    )
    return answer


@router.get(
    "/v1/session",
    response_model=Whoami,
    responses={204: {"description": "The page sent the request, and nobody is signed in."}},
    summary="Who is signed in",
)
def who(request: Request) -> Whoami | Response:
    """Name and role of the current token. The page is answered 204 where programs get 401."""
    try:
        principal = asking(request)
    except Problem as problem:
        if problem.status == 401 and CSRF_HEADER in request.headers and "authorization" not in request.headers:
            return Response(status_code=204)
        raise
    return Whoami(name=principal.name, role=principal.role_text, user=principal.user)


@router.delete("/v1/session", status_code=204, summary="Sign out")
async def sign_out(request: Request, database: DatabaseDep, authentication: SignInDep, streams: OpenStreamsDep) -> Response:
    """Ends the session of the cookie."""
    session = request.cookies.get(authentication.cookie)
    if session and CSRF_HEADER in request.headers:
        await committed(database, partial(tokens.close_session, secret=session))
        authentication.forget()
        streams.look_soon()
    answer = Response(status_code=204)
    answer.delete_cookie(authentication.cookie, path="/", httponly=True, samesite="strict", secure=authentication.is_secure)
    return answer


def _shown(token: Token) -> TokenShown:
    def text(at_us: int | None) -> str | None:
        return None if at_us is None else format_time(at_us)

    return TokenShown(
        id=token.id,
        name=token.name,
        role=token.role,
        created_at=format_time(token.created_us),
        created_by=token.created_by,
        expires_at=text(token.expires_us),
        last_used_at=text(token.used_us),
        revoked_at=text(token.revoked_us),
    )
