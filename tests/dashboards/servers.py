"""The real programs of Debian's packages, each on a free port with a folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests-only"  # noqa: S105 - of a monitor that lives for one test


def needs(program: str) -> str:
    """Its path; skips the test where it is not installed, and fails in CI."""
    found = shutil.which(program)
    if found is None:
        said = f"{program} is not installed (Debian: prometheus, prometheus-alertmanager)"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    return found


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


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
            found = check()
        except httpx2.HTTPError:
            found = None
        if found or time.monotonic() > until:
            return found
        time.sleep(0.1)


class Program:
    """A process that answers HTTP once it is ready."""

    def __init__(
        self, command: Sequence[str | Path], address: str, ready: str, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.address, self._ready, self._log = address, ready, log
        self._command = [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> "Program":
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment, cwd=ROOT)
        if not eventually(lambda: asked(self.address + self._ready) is not None):
            self.__exit__(None, None, None)
            raise AssertionError(f"{self._command[0]} does not start:\n{self._log.read_text()[-2000:]}")
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def highwater(folder: Path, **settings: str) -> Program:
    """`highwater serve` with an admin's token."""
    port = free_port()
    environment = {"HIGHWATER_SERVE__ADMIN_TOKEN": TOKEN} | settings
    command = [sys.executable, "-m", "highwater", "serve", "--port", str(port), "--data", folder / "data"]
    return Program(command, f"http://127.0.0.1:{port}", "/readyz", folder / "highwater.log", environment)


def prometheus(folder: Path, config: str | None = None, blocks: Path | None = None) -> Program:
    """Prometheus on a configuration, or on blocks that are there already."""
    port = free_port()
    file = folder / "prometheus.yml"
    file.write_text(config or "global: {}\n")
    command = [
        needs("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={blocks or folder / 'tsdb'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    return Program(command, f"http://127.0.0.1:{port}", "/-/ready", folder / "prometheus.log")


def alertmanager(folder: Path, config: Path) -> Program:
    """Alertmanager, alone: no cluster."""
    port = free_port()
    command = [
        needs("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    return Program(command, f"http://127.0.0.1:{port}", "/-/ready", folder / "alertmanager.log")


def query(address: str, path: str, **parameters: str) -> Any:
    """Data of one Prometheus API call; fails with Prometheus' own words."""
    answer = httpx2.get(f"{address}/api/v1/{path}", params=parameters, timeout=20).json()
    assert answer["status"] == "success", (parameters, answer)
    return answer["data"]
