"""The real programs of Debian's packages, each on a free port with a folder of its own."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.grafana.preview import programs
from config.grafana.preview.programs import ROOT, Program, free_port

__all__ = ["ROOT", "TOKEN", "Program", "alertmanager", "asked", "eventually", "free_port", "highwater", "needs", "prometheus", "query"]
TOKEN = "a-token-for-tests-only"  # noqa: S105 - of a monitor that lives for one test


def needs(program: str) -> str:
    """Its path; skips the test where it is not installed, and fails in CI."""
    result = shutil.which(program)
    if result is None:
        output = f"{program} is not installed (Debian: prometheus, prometheus-alertmanager)"
        if os.environ.get("CI") == "true":
            pytest.fail(output)
        pytest.skip(output)
    return result


def asked(url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    """The answer; a GET, or with a body a POST. Raises httpx2.HTTPStatusError for a refusal."""
    answer = httpx2.request("GET" if body is None else "POST", url, headers=headers, content=body, timeout=20)
    answer.raise_for_status()
    return answer.content


def eventually(check: Callable[[], Any], limit_s: float = 20) -> Any:
    """The first true answer of `check`, or its last one."""
    until = time.monotonic() + limit_s
    while True:
        try:
            result = check()
        except httpx2.HTTPError:
            result = None
        if result or time.monotonic() > until:
            return result
        time.sleep(0.1)


def highwater(folder: Path, **settings: str) -> Program:
    """`highwater serve` with an admin's token."""
    return programs.highwater(folder, TOKEN, **settings)


def prometheus(folder: Path, config: str = "global: {}\n", blocks: Path | None = None) -> Program:
    """Prometheus on a configuration, or on blocks that are there already."""
    needs("prometheus")
    return programs.prometheus(folder, config, blocks)


def alertmanager(folder: Path) -> Program:
    """Alertmanager on the configuration that we ship."""
    needs("prometheus-alertmanager")
    return programs.alertmanager(folder)


def query(address: str, path: str, **parameters: str) -> Any:
    """Data of one Prometheus API call; fails with Prometheus' own words."""
    answer = httpx2.get(f"{address}/api/v1/{path}", params=parameters, timeout=20).json()
    assert answer["status"] == "success", (parameters, answer)
    return answer["data"]
