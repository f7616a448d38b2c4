"""The page, its parts and the description of the API: local files only, nothing from elsewhere."""

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
}


@cache
def _file(name: str) -> tuple[bytes, str] | None:
    suffix = name[name.rfind(".") :]
    if suffix not in _TYPES or not name.replace(".", "").replace("-", "").isalnum():
        return None
    path = files("service") / "page" / name
    return (path.read_bytes(), _TYPES[suffix]) if path.is_file() else None


def _answer(name: str) -> Response:
    found = _file(name)
    if found is None:
        raise Problem(404, "there is no such page")
    return Response(found[0], media_type=found[1])


@router.get("/")
def page() -> Response:
    """The monitor's page."""
    return _answer("index.html")


@router.get("/docs")
def docs() -> Response:
    """The API, readable."""
    return _answer("docs.html")


@router.get("/page/{name}")
def part(name: str) -> Response:
    """A script, a style sheet or a picture of the page."""
    return _answer(name)


@router.get("/favicon.ico")
def icon() -> Response:
    """The page's picture in the browser's tab."""
    return _answer("icon.svg")
