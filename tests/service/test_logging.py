"""Log lines on a terminal: a traceback shows where something failed, not with what secrets."""

import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from service.operations.logging_setup import set_up


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    handlers, level, filters = root.handlers[:], root.level, uvicorn.filters[:]
    yield
    root.handlers[:], uvicorn.filters[:] = handlers, filters
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_traceback_on_a_terminal_shows_no_local_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    set_up("info")

    def fails(_: str) -> None:
        raise RuntimeError("it fails")

    try:
        fails("hw_" + "secret" * 3)
    except RuntimeError as fault:
        structlog.get_logger().error("a request failed", exc_info=fault)
    shown = capsys.readouterr().err
    assert "RuntimeError: it fails" in shown
    assert "secretsecret" not in shown
