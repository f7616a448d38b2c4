"""Problem details (RFC 9457): every error states what is wrong and what to do, and reveals nothing about other Users."""

import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.errors import HighwaterError, Malformed, UnreadableInput
from service.ingest.event_bodies import TooLarge
from service.ingest.intake import BusyError, StoppingError, UnreachableError
from service.ingest.series_quota import TooManySeriesError

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class Problem(Exception):
    """An error that will be the response."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, dict(headers or {}), more


class ProblemDetails(BaseModel):
    """The content of an error response (RFC 9457)."""

    type: str = Field("about:blank", description="Always `about:blank`: the status identifies the kind of error.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong and what to do.", examples=["there is no alert of this id"])
    errors: list[dict[str, str]] | None = Field(None, description="For 400 and 422: each error with its location (`where`) and `reason`.")


def not_found(what: str) -> Problem:
    """The same for a missing item and for another User's."""
    return Problem(404, f"there is no {what} of this id")


def answer(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """The error as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every exception becomes a problem; an unexpected one is logged and answered without any of its content."""

    async def problem(_: Request, fault: Exception) -> Response:
        return answered(fault)

    for kind in (Problem, HTTPException, RequestValidationError, ClientDisconnect, HighwaterError, OSError, sqlite3.Error):
        app.add_exception_handler(kind, problem)
    app.add_exception_handler(Exception, _unforeseen)


def answered(fault: Exception) -> Response:
    """The problem that an exception becomes."""
    match fault:
        case Problem():
            return answer(fault.status, fault.detail, fault.headers, **fault.more)
        case RequestValidationError():
            return _invalid(fault)
        case HTTPException():
            return answer(fault.status_code, str(fault.detail), fault.headers)
        case ClientDisconnect():
            return answer(400, "the connection ended before the request was whole")
        case TooLarge():
            return answer(413, str(fault))
        case TooManySeriesError():
            return answer(422, str(fault))
        case BusyError():
            return answer(429, str(fault), {"Retry-After": "1"})
        case StoppingError() | UnreachableError():
            return answer(503, str(fault), {"Retry-After": "5"})
        case Malformed():
            return answer(422, str(fault))
        case UnreadableInput():
            return answer(400, str(fault))
        case OSError() | sqlite3.Error():
            log.error("the disk refuses", fault=str(fault))
            return answer(503, "nothing can be stored at the moment: send this again later", {"Retry-After": "10"})
        case _:
            log.error("a request failed", fault=str(fault))
            return answer(503, "the monitor can't answer this at the moment", {"Retry-After": "10"})


async def _unforeseen(request: Request, fault: Exception) -> Response:
    log.error("a request failed: please report this", method=request.method, path=request.url.path, exc_info=fault)
    return answer(500, "the monitor failed at this request: the operator finds the reason in its log")


def _invalid(fault: RequestValidationError) -> Response:
    errors = [
        {"where": ".".join(map(str, error["loc"])), "reason": str(error["msg"]).replace("a valid tuple", "a list")}
        for error in fault.errors()
    ]
    broken = any(error["type"] == "json_invalid" for error in fault.errors())
    first = errors[0] if errors else {"where": "body", "reason": "unreadable"}
    if broken:
        cause = fault.errors()[0]
        detail = f"the body is not valid JSON: {cause.get('ctx', {}).get('error', cause['msg'])} at position {cause['loc'][-1]}"
        return answer(400, detail, errors=errors)
    return answer(422, f"{first['where']}: {first['reason']}", errors=errors[:20])


def _described(*responses: tuple[int, str]) -> dict[int | str, dict[str, Any]]:
    # Not as `model`: FastAPI would build a validator for each status of each route, at every start.
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": text, "content": content} for status, text in responses}


RESPONSES = _described(
    (400, "The body or a parameter can't be read"),
    (401, "No token, or one that is wrong, expired or revoked"),
    (403, "Not allowed for this role"),
    (404, "Does not exist, or belongs to another User"),
    (422, "Readable, but not valid"),
    (429, "Too many requests of this User, token or address wait, or a quota is used up: try again after `Retry-After` seconds"),
)
"""The responses that every route may give, for the OpenAPI document."""
CONFLICTS = {**RESPONSES, **_described((409, "Something else stands: outranked, in conflict, or no longer possible; it says what"))}
"""The same for routes that can meet what somebody else did."""
