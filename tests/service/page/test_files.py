"""The page's files: small, from here only, with the licence of what is not ours, and deep links that work from outside."""

import gzip
import re
from importlib.resources import files
from pathlib import Path

import pytest

from service.http.routes.page import pages
from tests.service.house import House

ROOT = Path(str(files("service") / "page"))
FILES = sorted(path for path in ROOT.rglob("*") if path.is_file())
OURS = [path for path in FILES if path.suffix in (".js", ".css", ".html") and path.parent.name != "vendor"]


def test_the_page_weighs_less_than_250_kilobytes_compressed() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in FILES if path.suffix != ".txt") < 250_000


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere_and_nothing_becomes_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href|from|import|fetch\()\s*=?\s*["'`(]+https?:""", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style", text)


def test_every_file_is_served_and_every_address_shows_the_page(shared_house: House) -> None:
    client = shared_house.client(None)
    for path in FILES:
        assert client.get(f"/page/{path.relative_to(ROOT)}").content == path.read_bytes()
    for address in pages.VIEWS:
        answer = client.get(re.sub(r"\{.+?\}", "x", address))
        assert answer.content == (ROOT / "index.html").read_bytes()
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    for wrong in ("../app.py", "core/../../app.py", "core/none.js", "%2e%2e/app.py", "vendor/x/y.js", ".hidden.js"):
        assert client.get(f"/page/{wrong}").status_code == 404


def test_what_is_not_ours_comes_with_its_licence() -> None:
    assert "MIT" in (ROOT / "vendor" / "uPlot-LICENSE.txt").read_text(encoding="utf-8")


def test_the_page_names_every_module_ahead_so_that_none_waits_for_another() -> None:
    index = (ROOT / "index.html").read_text(encoding="utf-8")
    modules = {str(path.relative_to(ROOT)) for path in OURS if path.suffix == ".js"} - {"app.js", "docs.js", "core/theme.js"}
    assert set(re.findall(r'modulepreload" href="/page/(.+?)"', index)) == modules


def test_every_module_is_imported_from_one_of_the_two_pages() -> None:
    reached, pending = {ROOT / "core" / "theme.js"}, [ROOT / "app.js", ROOT / "docs.js"]
    while pending:
        path = pending.pop()
        if path not in reached:
            reached.add(path)
            pending += [(path.parent / name).resolve() for name in re.findall(r'from "(\..+?)"', path.read_text(encoding="utf-8"))]
    assert {path for path in OURS if path.suffix == ".js"} == reached


def test_what_the_browser_has_is_not_sent_again(shared_house: House) -> None:
    client = shared_house.client(None)
    tag = client.get("/page/app.js").headers["etag"]
    assert client.get("/page/app.js", headers={"if-none-match": tag}).status_code == 304


def test_a_wrong_address_is_never_empty_though_the_browser_has_the_page(shared_house: House) -> None:
    client = shared_house.client(None)
    tag = client.get("/").headers["etag"]
    wrong = client.get("/nowhere", headers={"accept": "text/html", "if-none-match": tag})
    assert (wrong.status_code, wrong.content) == (404, (ROOT / "index.html").read_bytes())
