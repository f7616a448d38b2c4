"""The HTTP application over the parts of one monitor."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.utils import get_openapi

from models.change import Change
from models.distribution import installed_version
from service import problems
from service.composition import Parts
from service.http.fair_shares import FairShares
from service.http.request_counts import RequestCounts
from service.http.request_limits import Limits, SafeHeaders
from service.http.routes import (
    calendar_feed,
    changes,
    contests,
    declarations,
    evaluation,
    events,
    habits,
    lists,
    replies,
    series,
    stream,
    subscriptions,
    triage,
)
from service.http.routes.operations import health, quarantine, tokens, watermark
from service.http.routes.page import calendar, pages, plain, queues, status, totals
from service.http.stopping import AnsweredAtStop
from service.problems import ProblemDetails

_ABOUT = (
    "Message-traffic impact monitor. Send `Authorization: Bearer <token>`; errors are problem details (RFC 9457). "
    "Roles: `ingest` posts events, `observer` reads all, `triage` works with it, `user:<ID>` sees and declares its own, "
    "`admin` does everything."
)

_COMPRESSED_FROM = 4096
"""Minimum bytes of a compressed response: lists and charts shrink much; responses with a secret are smaller and stay uncompressed."""

ROUTES = (
    events,
    contests,
    lists,
    calendar,
    calendar_feed,
    changes,
    declarations,
    replies,
    stream,
    queues,
    series,
    totals,
    status,
    triage,
    habits,
    evaluation,
    subscriptions,
    tokens,
    health,
    quarantine,
    watermark,
    pages,
    plain,
)
"""Every room of the API; of two routes that fit a request the first one counts."""


def create_app(parts: Parts) -> FastAPI:
    """The routes of contract section 4. The monitor has started already; this runs its jobs while it serves."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs = asyncio.create_task(parts.monitor.run())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            jobs.cancel()
            with suppress(asyncio.CancelledError):
                await jobs

    app = FastAPI(
        title="Highwater",
        version=installed_version(),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.state.parts = parts
    for routes in ROUTES:
        app.include_router(routes.router)
    problems.install(app)
    pages.install(app)
    _limit(app, parts)
    _describe(app)
    return app


def _limit(app: FastAPI, parts: Parts) -> None:
    """What holds limits, the innermost first."""
    quotas = parts.parameters.quotas
    app.add_middleware(GZipMiddleware, minimum_size=_COMPRESSED_FROM, compresslevel=1)
    app.add_middleware(FairShares, share_of=parts.authentication.share_of, at_once=quotas.requests_at_once, waiting=quotas.requests_waiting)
    app.add_middleware(Limits, events_limit=parts.parameters.max_body_bytes, read_timeout_s=parts.parameters.read_timeout_s)
    app.add_middleware(RequestCounts, most=quotas.connections_per_address)
    app.add_middleware(AnsweredAtStop)
    app.add_middleware(SafeHeaders)


def _describe(app: FastAPI) -> None:
    """OpenAPI with the models that handlers parse themselves, and with the ways to sign in; encoded once, since it is long."""

    def described() -> dict[str, object]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            parts = document.setdefault("components", {})
            schemas = parts.setdefault("schemas", {})
            for model in (Change, ProblemDetails):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(schema.pop("$defs", {}))
                schemas[model.__name__] = schema
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            app.openapi_schema = document
        return app.openapi_schema

    async def document(_: Request) -> Response:
        if not encoded:
            encoded.append(json.dumps(described(), ensure_ascii=False, separators=(",", ":")).encode())
        return Response(encoded[0], media_type="application/json")

    encoded: list[bytes] = []
    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    app.add_route("/openapi.json", document, include_in_schema=False)
