"""Programs: a monitor and a Prometheus for the preview, each on a free port, while the preview runs."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from models.errors import HighwaterError

ROOT = Path(__file__).parents[3]
READY_S = 90.0


class Program:
    """A process that answers HTTP once it is ready."""

    def __init__(
        self, command: Sequence[str | Path], address: str, ready: str, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.address, self._ready, self._log = address, address + ready, log
        self._command = [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> "Program":
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment, cwd=ROOT)  # noqa: S603 - our own command
        until = time.monotonic() + READY_S
        while not _answers(self._ready):
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__(None, None, None)
                raise HighwaterError(f"{self._command[0]} does not start; its output was:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A free port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def installed(program: str) -> str:
    """The path of the program. Raises HighwaterError that names the package."""
    path = shutil.which(program)
    if path is None:
        raise HighwaterError(f"{program} is not installed (Debian: prometheus, prometheus-alertmanager, chromium)")
    return path


def highwater(folder: Path, token: str, **settings: str) -> Program:
    """`highwater serve` with an admin's token."""
    port = free_port()
    environment = {"HIGHWATER_SERVE__ADMIN_TOKEN": token} | settings
    command: list[str | Path] = [sys.executable, "-m", "highwater", "serve", "--port", str(port), "--data", folder / "data"]
    return Program(command, f"http://127.0.0.1:{port}", "/readyz", folder / "highwater.log", environment)


def prometheus(folder: Path, config: str = "global: {}\n", blocks: Path | None = None) -> Program:
    """Prometheus with a configuration, or on existing blocks."""
    port = free_port()
    file = folder / "prometheus.yml"
    file.write_text(config)
    command = [
        installed("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={blocks or folder / 'tsdb'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    return Program(command, f"http://127.0.0.1:{port}", "/-/ready", folder / "prometheus.log")


def alertmanager(folder: Path, config: Path = ROOT / "config" / "alertmanager" / "alertmanager.yml") -> Program:
    """Alertmanager without a cluster."""
    port = free_port()
    command = [
        installed("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    return Program(command, f"http://127.0.0.1:{port}", "/-/ready", folder / "alertmanager.log")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - an address of ours
            return True
    except (urllib.error.URLError, OSError):
        return False
