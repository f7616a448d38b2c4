"""The page, its parts and the description of the API: local files only, nothing from other sites.

The files are kept in memory, and a page asks for fifty of them: they are answered without a thread each.
"""

import hashlib
import re
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from service import problems
from service.problems import Problem

router = APIRouter(include_in_schema=False)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
VIEWS = (
    "/",
    "/incident/{incident_id}",
    "/traffic",
    "/traffic/{user}",
    "/calendar",
    "/calendar/{day}",
    "/hand-over",
    "/system",
    "/declare",
    "/subscriptions",
)
"""Addresses of the page, so that links to them work from outside."""
_DEPTH = 2
"""Folders and file: `views/now.js`."""


@cache
def _file(name: str) -> tuple[bytes, str, str] | None:
    """(body, media type, entity tag) of a file of the page; None if there is none."""
    suffix = name[name.rfind(".") :]
    parts = name.split("/")
    if suffix not in _TYPES or len(parts) > _DEPTH or not all(_PART.fullmatch(part) for part in parts):
        return None
    path = files("service").joinpath("page", *parts)
    if not path.is_file():
        return None
    body = path.read_bytes()
    return body, _TYPES[suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"'


def _answer(request: Request, name: str) -> Response:
    """The file, or 304 if the browser has it already."""
    content = _file(name)
    if content is None:
        raise Problem(404, "there is no such page")
    body, media_type, tag = content
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@cache
def version() -> str:
    """Changes with any file of the page: a page that was loaded before an upgrade finds out by it."""
    root = Path(str(files("service").joinpath("page")))
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    tags = [content[2] for name in names if (content := _file(name)) is not None]
    return hashlib.sha256("".join(tags).encode()).hexdigest()[:20]


def install(app: FastAPI) -> None:
    """A browser at an address that does not exist is shown the page, which says so in words; programs get the problem."""

    async def missing(request: Request, fault: Exception) -> Response:
        asks_for_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
        is_address = not request.url.path.startswith(("/v1/", "/page/"))
        is_missing = isinstance(fault, HTTPException) and fault.status_code == HTTPStatus.NOT_FOUND
        if is_missing and asks_for_page and is_address and (shown := _file("index.html")) is not None:
            body, media_type, _ = shown
            return Response(body, HTTPStatus.NOT_FOUND, media_type=media_type, headers={"cache-control": "no-cache"})
        return problems.answered(fault)

    app.add_exception_handler(HTTPException, missing)


async def page(request: Request) -> Response:
    """The monitor's page; its script shows the view for the address."""
    return _answer(request, "index.html")


for _address in VIEWS:
    router.add_api_route(_address, page)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The API, readable."""
    return _answer(request, "docs.html")


@router.get("/page/{name:path}")
async def part(request: Request, name: str) -> Response:
    """A script, a style sheet or a picture of the page."""
    return _answer(request, name)


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """The page's icon in the browser's tab."""
    return _answer(request, "icon.svg")
