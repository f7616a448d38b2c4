"""Authentication: a bearer token, the browser's session cookie, or an identity provider's token becomes a principal."""

import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from models.clock import Clock
from models.errors import Malformed
from service.access import Principal, Role, Share, count_for, parse_role
from service.auth.failed_sign_ins import FailedSignIns
from service.auth.oidc import Provider
from service.problems import Problem
from service.store import tokens
from service.store.database import Database
from service.store.tokens import Token

_COOKIE = "highwater_session"
CSRF_HEADER = "x-highwater"
"""A page of another site can't send it: browsers ask the server first, and the server never allows it."""
_WRONG = "the token is wrong, expired or revoked: ask an administrator for a new one"
_GOOD_MOST = 10_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CACHED_S = 1.0
_USED_EVERY_US = 60_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})


class SignIn:
    """Turns credentials into principals. A token is read again every second, so a revoked one ends within that time."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        provider: Provider | None,
        open_role: Role | None,
        public_url: str | None,
        failed: FailedSignIns,
    ) -> None:
        self._failed = failed
        self._seen_good: set[str] = set()
        """Hashes of secrets that worked: who used one of them before is let in, however many others fail from the same address."""
        self._shares: dict[str, Share] = {}
        """Of hashes of secrets that worked: whose share of this machine they use."""
        self._database, self._clock, self._provider, self._public_url = database, clock, provider, public_url
        self._open_role = open_role
        """The rights of anyone on this machine without a token: in the demo only."""
        self._cache: dict[tuple[str, str], tuple[float, Token | None]] = {}

    @property
    def is_open(self) -> bool:
        """Whether anyone on this machine may read without a token, as in the demo."""
        return self._open_role is not None

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the monitor over TLS."""
        return (self._public_url or "").startswith("https://")

    @property
    def cookie(self) -> str:
        """Name of the session's cookie. Over TLS no other host and no plain connection can set a cookie of this name (`__Host-`)."""
        return f"__Host-{_COOKIE}" if self.is_secure else _COOKIE

    def principal(self, request: Request) -> Principal:
        """The requester. Raises Problem 401; 403 for a cookie's unsafe request that another site may have caused."""
        secret = _bearer_secret(request)
        if secret:
            return self._sharing(secret, self._bearer(secret, _address(request)))
        session = request.cookies.get(self.cookie)
        if session:
            token = self._known("session", session)
            if token is not None:
                _check_origin(request, self._public_url)
                return self._sharing(session, replace(principal_of(token, by_cookie=True), session=tokens.digest(session)))
        if self._open_role is not None and "authorization" not in request.headers and _from_this_machine(request):
            _check_origin(request, self._public_url)
            return Principal("demo", "demo", self._open_role, by_cookie=True)
        raise _unknown("a token is needed: send `Authorization: Bearer …`, or sign in on the page")

    def share_of(self, request: HTTPConnection) -> Share | None:
        """Whose share of this machine a request uses: a User's, or a token's; None with a secret that did not work here before."""
        secret = _bearer_secret(request) or request.cookies.get(self.cookie)
        return self._shares.get(tokens.digest(secret)) if secret else None

    def is_fresh(self, request: HTTPConnection) -> bool:
        """Whether the secret of this request was looked up just now and works: then nothing needs to be read."""
        bearer = _bearer_secret(request)
        kind, secret = ("token", bearer) if bearer else ("session", request.cookies.get(self.cookie))
        cached = self._cache.get((kind, tokens.digest(secret))) if secret else None
        return cached is not None and cached[1] is not None and self._clock.steady_s() - cached[0] < _CACHED_S

    def _sharing(self, secret: str, principal: Principal) -> Principal:
        if len(self._shares) >= _GOOD_MOST:
            self._shares.clear()
        self._shares[tokens.digest(secret)] = principal.share
        return principal

    def token(self, secret: str, request: Request) -> Token:
        """The good token of this secret, with which a browser signs in. Raises Problem 401, or 429 after too many failures."""
        address = _address(request)
        self._check_address(secret, address)
        token = self._known("token", secret)
        if token is None:
            self._note_failure(address, "page")
            raise _unknown(_WRONG)
        self._remember(secret)
        return token

    @contextmanager
    def guessing(self, request: Request, secret: str, way: str) -> Iterator[None]:
        """While a secret is looked up elsewhere. Raises Problem 429 after too many failures; a Problem 401 within counts as one."""
        address = _address(request)
        self._check_address(secret, address)
        try:
            yield
        except Problem as problem:
            if problem.status == 401:
                self._note_failure(address, way)
            raise
        self._remember(secret)

    def ended(self, principals: Sequence[Principal]) -> list[Principal]:
        """Those of them whose token or session works no longer."""
        now_us = self._clock.wall_us()
        return self._database.read(lambda connection: [one for one in principals if not _works(connection, one, now_us)])

    def forget(self) -> None:
        """Forgets cached tokens."""
        self._cache.clear()

    def check_site(self, request: Request) -> None:
        """Raises Problem 403 for a request that a page of another site caused."""
        _check_site(request, self._public_url)

    def _bearer(self, secret: str, address: str | None) -> Principal:
        self._check_address(secret, address)
        token = self._known("token", secret)
        if token is not None:
            self._remember(secret)
            return principal_of(token, by_cookie=False)
        principal = self._provider.principal(secret) if self._provider and secret.count(".") == 2 else None
        if principal is None:
            self._note_failure(address, "token")
            raise _unknown(_WRONG)
        self._remember(secret)
        return principal

    def _check_address(self, secret: str, address: str | None) -> None:
        """Raises Problem 429 for a secret that could be guessed and never worked, from an address that failed too often.

        Our own tokens and calendar keys hold 256 random bits: nobody guesses them, so nobody can lock them out either.
        """
        if not tokens.RANDOM.fullmatch(secret) and tokens.digest(secret) not in self._seen_good:
            self._failed.check(address)

    def _note_failure(self, address: str | None, way: str) -> None:
        """Raises Problem 429 where too many failed before this one."""
        self._failed.check(address)
        self._failed.note(address, way)

    def _remember(self, secret: str) -> None:
        if len(self._seen_good) >= _GOOD_MOST:
            self._seen_good.clear()
        self._seen_good.add(tokens.digest(secret))

    def _known(self, kind: str, secret: str) -> Token | None:
        cache_key = kind, tokens.digest(secret)
        cached = self._cache.get(cache_key)
        if cached is None or self._clock.steady_s() - cached[0] > _CACHED_S:
            cached = self._cache[cache_key] = self._clock.steady_s(), self._look_up(kind, secret)
            if len(self._cache) > 10_000:
                self._cache.clear()
        return cached[1]

    def _look_up(self, kind: str, secret: str) -> Token | None:
        now_us = self._clock.wall_us()
        find = partial(tokens.find, secret=secret) if kind == "token" else partial(tokens.session_token, secret=secret, now_us=now_us)
        token = self._database.read(find)
        if token is None or not token.good(now_us):
            return None
        if token.used_us is None or abs(now_us - token.used_us) > _USED_EVERY_US:
            self._database.write(partial(tokens.used, token_id=token.id, now_us=now_us))
        return token


def _bearer_secret(request: HTTPConnection) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _address(request: Request) -> str | None:
    return request.client.host if request.client is not None else None


def _works(connection: sqlite3.Connection, principal: Principal, now_us: int) -> bool:
    if principal.ends_us is not None:
        return now_us < principal.ends_us
    if principal.session:
        ends_us = tokens.session_end_of(connection, principal.session)
        if ends_us is None or ends_us <= now_us:
            return False
    token = tokens.by_id(connection, principal.id)
    return token is None or token.good(now_us)


def principal_of(token: Token, *, by_cookie: bool = False) -> Principal:
    """The holder of a token. Raises Problem 401 for a role of another program."""
    try:
        role, user = parse_role(token.role)
    except Malformed:
        raise _unknown("the token has a role that this program does not know") from None
    return Principal(token.id, token.name, role, user, by_cookie=by_cookie)


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _from_this_machine(request: Request) -> bool:
    """By its address and host name: a host name of another site that resolves to this machine (DNS rebinding) is refused."""
    host = request.headers.get("host", "")
    name = host if host.startswith("[") and host.endswith("]") else host.rsplit(":", 1)[0]
    return name in _LOOPBACK and request.client is not None and request.client.host in _LOOPBACK_ADDRESSES


def _check_site(request: Request, public_url: str | None) -> None:
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    same = origin is None or origin.partition("://")[2] == request.headers.get("host") or origin == (public_url or "").rstrip("/")
    same = same or (origin == "null" and site == "same-origin")  # A form of our own page: it sends no referrer, so browsers name no origin.
    if not same or (site or "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "only the monitor's own page and programs may use this, not pages of other sites")


def _check_origin(request: Request, public_url: str | None) -> None:
    """A cookie is sent with requests that other sites cause; our page's header and origin are not."""
    if request.method in _SAFE:
        return
    _check_site(request, public_url)
    if CSRF_HEADER not in request.headers:
        raise Problem(
            403, f"a signed-in browser must send the header {CSRF_HEADER} from the monitor's own page; programs use a bearer token"
        )


def asking(request: Request) -> Principal:
    """The principal of this request, whatever its role."""
    sign_in: SignIn = request.app.state.parts.authentication
    return sign_in.principal(request)


def role_of(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """A dependency that allows these roles and answers others 403."""
    allowed = frozenset(roles)

    async def check(request: Request) -> Principal:
        sign_in: SignIn = request.app.state.parts.authentication
        principal = sign_in.principal(request) if sign_in.is_fresh(request) else await run_in_threadpool(sign_in.principal, request)
        await count_for(request.scope, principal.share)
        if principal.role not in allowed:
            raise Problem(403, f"the role {principal.role.value} may not do this: it takes {', '.join(sorted(allowed))}")
        return principal

    return check


Reader = Annotated[Principal, Depends(role_of(Role.OBSERVER, Role.TRIAGE, Role.ADMIN, Role.USER))]
"""May read: everything, or its own."""
Desk = Annotated[Principal, Depends(role_of(Role.OBSERVER, Role.TRIAGE, Role.ADMIN))]
"""May read everything."""
Triage = Annotated[Principal, Depends(role_of(Role.TRIAGE, Role.ADMIN))]
"""May work at the triage desk."""
Declarer = Annotated[Principal, Depends(role_of(Role.TRIAGE, Role.ADMIN, Role.USER))]
"""May declare changes and hold subscriptions."""
Sender = Annotated[Principal, Depends(role_of(Role.INGEST, Role.ADMIN))]
"""May post events."""
Admin = Annotated[Principal, Depends(role_of(Role.ADMIN))]
"""May do everything."""
