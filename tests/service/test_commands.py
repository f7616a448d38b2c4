"""The monitor's commands as a person or a script calls them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.service.builders import change_json, lines, queue
from tests.service.command_line import highwater
from tests.service.house import until
from tests.service.served import Served

ENVIRONMENT = {**os.environ, "COLUMNS": "200"}

get, post = partial(httpx2.get, timeout=60), partial(httpx2.post, timeout=60)
"""The library's own five seconds are too few for a program that has just begun, on a busy machine."""


@contextmanager
def started(data: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command as a person starts it; what it said until it listened."""
    command = [sys.executable, "-m", "highwater", "serve", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    output: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        output.append(line.strip())
        if line.startswith("listening on "):
            break
    try:
        yield process, output
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serving(data: Path, **environment: str) -> Iterator[Served]:
    served = Served(data, **environment)
    try:
        assert served.address
        yield served
    finally:
        served.kill()


def test_serve_prints_its_address_and_the_admin_s_token_once_and_stops_when_asked(tmp_path: Path) -> None:
    with started(tmp_path / "data") as (process, output):
        address = output[-1].removeprefix("listening on ")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        (secret,) = re.findall(r"hw_\S+", output[0])
        headers = {"authorization": f"Bearer {secret}"}
        assert get(f"{address}/readyz").status_code == 200
        assert post(f"{address}/v1/events", content=lines(queue(10), queue(100)), headers=headers).status_code == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with serving(tmp_path / "data") as served:
        assert len(served.printed) == 1
        assert get(f"{served.address}/v1/series/names", headers=headers).json()["items"][0]["series"]["user"] == "ACME"


def test_a_stop_tells_who_still_waits_and_logs_one_line_for_all(tmp_path: Path) -> None:
    with started(tmp_path / "data") as (process, printed), ExitStack() as stack:
        address = printed[-1].removeprefix("listening on http://").rsplit(":", 1)
        (secret,) = re.findall(r"hw_\S+", printed[0])
        head = f"POST /v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nContent-Length: 9\r\n\r\n[".encode()
        plugs = [stack.enter_context(socket.create_connection((address[0], int(address[1])), timeout=30)) for _ in range(3)]
        for plug in plugs:
            plug.sendall(head)
        assert get(f"http://{':'.join(address)}/readyz").status_code == 200  # by then the others wait
        process.send_signal(signal.SIGTERM)
        assert [plug.recv(20) for plug in plugs] == [b"HTTP/1.1 503 Service"] * 3
        assert process.wait(20) == 0
        assert process.stderr is not None
        logged = process.stderr.read()
        assert "Cancel 3 running task(s)" in logged
        assert "Traceback" not in logged


def test_two_monitors_do_not_share_a_folder(tmp_path: Path) -> None:
    with serving(tmp_path / "data"):
        second = highwater("serve", "--port", "0", "--data", tmp_path / "data")
    assert second.returncode == 2
    assert "another monitor runs" in second.stderr


def test_a_folder_that_can_not_be_made_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    outcome = highwater("serve", "--port", "0", "--data", tmp_path / "file" / "data")
    assert outcome.returncode == 2
    assert len(outcome.stderr.strip().splitlines()) == 1
    assert "--data" in outcome.stderr


def test_tokens_are_made_while_the_monitor_runs_and_end_when_revoked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, HIGHWATER_SERVE__ADMIN_TOKEN="admin-secret-0123456789") as served:  # noqa: S106 - a test's own
        assert len(served.printed) == 1
        made = json.loads(highwater("tokens", "create", "--role", "user:ACME", "--name", "a", "--data", data, "--json").stdout)
        headers = {"authorization": f"Bearer {made['secret']}"}
        assert get(f"{served.address}/v1/alerts", headers=headers).status_code == 200
        listed = highwater("tokens", "list", "--data", data)
        assert made["id"] in listed.stdout
        assert made["secret"] not in listed.stdout
        assert highwater("tokens", "revoke", made["id"], "--data", data).returncode == 0
        until(lambda: get(f"{served.address}/v1/alerts", headers=headers).status_code == 401)
        admin = {"authorization": "Bearer admin-secret-0123456789"}
        result = get(f"{served.address}/v1/audit", headers=admin).json()["items"]
        done = [("command line", "revoke token"), ("command line", "create token")]
        assert [(one["actor"], one["action"]) for one in result if one["action"] != "failed sign-in"] == done
    for arguments in (
        ("--role", "root", "--name", "x"),
        ("--role", "observer", "--name", " "),
        ("--role", "observer", "--name", "x", "--expires", "2020-01-01T00:00:00Z"),
    ):
        outcome = highwater("tokens", "create", *arguments, "--data", data)
        assert outcome.returncode == 2, outcome.stdout
    assert highwater("tokens", "revoke", "none", "--data", data).returncode == 2


def test_a_backup_of_a_running_monitor_is_restored_whole(tmp_path: Path) -> None:
    data, archive, copy = tmp_path / "data", tmp_path / "b.tar.gz", tmp_path / "copy"
    admin = {"HIGHWATER_SERVE__ADMIN_TOKEN": "admin-secret-0123456789"}
    headers = {"authorization": "Bearer admin-secret-0123456789"}
    with serving(data, **admin) as served:
        post(f"{served.address}/v1/changes", json=change_json("D-1", "DCC"), headers=headers)
        post(f"{served.address}/v1/events", content=lines(queue(10), queue(100)), headers=headers)
        assert json.loads(highwater("backup", archive, "--data", data, "--json").stdout)["bytes"] > 0
    assert highwater("restore", archive, "--data", data).returncode == 2
    assert highwater("restore", archive, "--data", copy).returncode == 0
    with serving(copy, **admin) as served:
        assert get(f"{served.address}/v1/changes/D-1", headers=headers).status_code == 200
        again = post(f"{served.address}/v1/events", content=lines(queue(110)), headers=headers)
        assert again.status_code == 202


@pytest.mark.parametrize("content", [b"", b"not a tar", None])
def test_what_is_no_backup_is_not_restored(tmp_path: Path, content: bytes | None) -> None:
    archive = tmp_path / "b.tar.gz"
    if content is None:
        with tarfile.open(archive, "w:gz"):
            pass
    else:
        archive.write_bytes(content)
    outcome = highwater("restore", archive, "--data", tmp_path / "new")
    assert outcome.returncode == 2
    assert len(outcome.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "new").glob("*"))


def test_the_doctor_says_what_to_do_about_each_fault(tmp_path: Path) -> None:
    data = tmp_path / "data"
    well = highwater("doctor", "--data", data, HIGHWATER_SERVE__PORT="0")
    assert well.returncode == 0, well.stdout
    with serving(data):
        assert highwater("doctor", "--data", data).returncode == 0
    (data / "checkpoints").mkdir(exist_ok=True)
    (data / "checkpoints" / "00000000000000000009.state").write_bytes(b"damaged")
    for name in ("highwater.sqlite-wal", "highwater.sqlite-shm"):
        (data / name).unlink(missing_ok=True)
    (data / "highwater.sqlite").write_bytes(b"damaged" * 1000)
    ill = highwater("doctor", "--data", data, "--json", HIGHWATER_SERVE__PORT="0")
    assert ill.returncode == 1
    faults = {look["what"]: look["advice"] for look in json.loads(ill.stdout) if not look["good"]}
    assert set(faults) == {"data file", "checkpoints"}
    assert all(faults.values())


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "highwater.toml"
    config.write_text("[serve]\nprot = 1\n")
    outcome = highwater("serve", "--config", config, "--data", tmp_path / "data")
    assert outcome.returncode == 2
    assert "prot" in outcome.stderr
