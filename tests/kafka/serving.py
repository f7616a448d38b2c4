"""`highwater serve --from-kafka` as a process of its own, asked over HTTP."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from streams.kafka.cluster.parameters import KafkaParameters
from tests.kafka.workers import QUIET, ROOT, environment

SECRET = "admin-secret-0123456789"  # noqa: S105  # of a monitor that lives as long as one test


@contextmanager
def serving(parameters: KafkaParameters, folder: Path) -> Iterator[httpx2.Client]:
    """A client with the admin's token."""
    more = {"HIGHWATER_SERVE__ADMIN_TOKEN": SECRET, "HIGHWATER_SERVE__LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "highwater", "serve", "--from-kafka", "--port", "0", "--data", str(folder / "data")]
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | QUIET | environment(parameters) | more, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        output = process.stdout.readline()
        assert output.startswith("listening on "), (folder / "serve.log").read_text()
        with httpx2.Client(base_url=output.split()[-1], headers={"authorization": f"Bearer {SECRET}"}, timeout=60) as client:
            yield client
    finally:
        process.kill()
        process.communicate()


def bodies(lines: Sequence[bytes], size: int) -> Iterator[bytes]:
    """NDJSON of some events each."""
    for at in range(0, len(lines), size):
        yield b"\n".join(lines[at : at + size]) + b"\n"


def listed(client: httpx2.Client, route: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.get(route, params={"limit": 500} | ({"cursor": cursor} if cursor else {})).raise_for_status().json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
