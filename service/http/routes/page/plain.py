"""The page without JavaScript: the open alerts or incidents as a list; every text is escaped."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from models.times import format_time, instant, parse_time
from service.access import DESK_ROLES, Principal, Role
from service.auth.authentication import asking
from service.charts import queries
from service.http.routes.operations.tokens import Credentials, sign_in
from service.http.routes.parts import ClockDep, DatabaseDep, ServeParametersDep, SignInDep
from service.problems import Problem
from service.store import records
from service.store.database import Database
from service.store.records import ALERT, INCIDENT, Wanted

router = APIRouter(include_in_schema=False)
_MOST = 200
_LONGEST_FORM = 2000
_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Highwater</title><link rel="stylesheet" href="/page/styles/base.css"></head>
<body><main><p><a href="/">The page with charts and actions</a></p><h1>Highwater</h1>
{content}
</main></body></html>"""
_SIGN_IN = """<form method="post" action="/plain" class="fields narrow">
<label class="field"><span class="label">Token</span><input name="token" type="password" autocomplete="current-password" required></label>
<button class="primary">Sign in</button></form>"""


@router.get("/plain")
def plain(request: Request, database: DatabaseDep) -> HTMLResponse:
    """Open incidents for the desk, a User's own open alerts for a User; a form if nobody is signed in."""
    try:
        principal = asking(request)
    except Problem:
        return _framed(_SIGN_IN)
    if principal.role is Role.INGEST:
        return _framed("<p>This token may only send events; it can't read anything.</p>")
    of_desk = principal.role in DESK_ROLES
    incidents = _open(database, principal, INCIDENT) if of_desk else []
    alerts = _open(database, principal, ALERT)
    parts = [_section("Open incidents", map(_incident, incidents))] if of_desk else []
    return _framed("\n".join((_age(database), *parts, _section("Open alerts", map(_alert, alerts)))))


@router.post("/plain")
async def plain_sign_in(
    request: Request, database: DatabaseDep, clock: ClockDep, authentication: SignInDep, parameters: ServeParametersDep
) -> Response:
    """Exchanges the form's token for the cookie that the page uses too."""
    body = await request.body()
    token = parse_qs(body[:_LONGEST_FORM].decode("utf-8", "replace")).get("token", [""])[0]
    try:
        signed_in = await sign_in(request, database, clock, authentication, parameters, Credentials(token=token or "-"))
    except Problem as problem:
        return HTMLResponse(_FRAME.format(content=f'<p class="fault">{escape(str(problem.detail))}</p>{_SIGN_IN}'), problem.status)
    answer = RedirectResponse("/plain", 303)
    answer.headers["set-cookie"] = signed_in.headers["set-cookie"]
    return answer


def _framed(content: str) -> HTMLResponse:
    return HTMLResponse(_FRAME.format(content=content))


def _age(database: Database) -> str:
    """Until when the data reaches: a list alone does not say how old it is."""
    newest = database.read(queries.latest_us)
    return (
        "<p>Nothing was sent yet.</p>"
        if newest is None
        else f"<p>Data to {_time(format_time(newest))}. Load the page again for newer data.</p>"
    )


def _time(text: str) -> str:
    """`7 Jan 11:50 UTC`."""
    at = instant(parse_time(text))
    return f"{at.day} {at:%b %H:%M} UTC"


def _open(database: Database, principal: Principal, kind: str) -> list[dict[str, Any]]:
    wanted = Wanted(kind, None, None, _MOST, (("status", "active"),))
    bodies, _ = database.read(partial(records.page, principal=principal, wanted=wanted))
    return [json.loads(body) for body in bodies]


def _section(title: str, items: Iterable[str]) -> str:
    rows = list(items)
    body = f"<ul>{''.join(rows)}</ul>" if rows else "<p>None.</p>"
    return f"<section><h2>{escape(title)} ({len(rows)})</h2>{body}</section>"


def _incident(one: Mapping[str, Any]) -> str:
    suspects = ", ".join(f"{suspect['verdict']}: {suspect['change_id'] or 'undeclared'}" for suspect in one["suspects"][:3])
    facts = [f"Category {one['category']}", f"since {_time(one['opened_at'])}", suspects and f"suspects: {suspects}"]
    return f"<li><strong>{escape(one['summary'])}</strong><br>{escape('. '.join(filter(None, facts)))}.</li>"


def _alert(one: Mapping[str, Any]) -> str:
    text = f"{one['severity']}, since {_time(one['onset_at'])}. {one['next_step']}"
    return f"<li><strong>{escape(one['summary'])}</strong><br>{escape(text)}</li>"
