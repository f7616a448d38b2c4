"""The page, its parts and the description of the API: local files only, nothing from elsewhere."""

import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

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
"""Addresses of the page: links to them work from outside too."""
_DEPTH = 2
"""Folders and file: `views/now.js`."""


@cache
def _file(name: str) -> tuple[bytes, str] | None:
    suffix = name[name.rfind(".") :]
    parts = name.split("/")
    if suffix not in _TYPES or len(parts) > _DEPTH or not all(_PART.fullmatch(part) for part in parts):
        return None
    path = files("service").joinpath("page", *parts)
    return (path.read_bytes(), _TYPES[suffix]) if path.is_file() else None


def _answer(name: str) -> Response:
    found = _file(name)
    if found is None:
        raise Problem(404, "there is no such page")
    return Response(found[0], media_type=found[1])


def page() -> Response:
    """The monitor's page; its script shows the view that the address names."""
    return _answer("index.html")


for _address in VIEWS:
    router.add_api_route(_address, page)


@router.get("/docs")
def docs() -> Response:
    """The API, readable."""
    return _answer("docs.html")


@router.get("/page/{name:path}")
def part(name: str) -> Response:
    """A script, a style sheet or a picture of the page."""
    return _answer(name)


@router.get("/favicon.ico")
def icon() -> Response:
    """The page's picture in the browser's tab."""
    return _answer("icon.svg")
