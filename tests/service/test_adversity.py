"""Full and read-only disks, damaged files, a clock that is set: a clear answer, nothing lost, and on it goes when it can."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from models.clock import Clock
from models.errors import StateError, UnreadableInput
from service.store import subscriptions, triage_actions
from service.store.messages.preferences import Preferences
from tests.service.builders import MONDAY, alert, desk, lines, queue
from tests.service.command_line import highwater
from tests.service.house import House, until

SECRET = "admin-secret-0123456789"  # noqa: S105 - a test's own
HEADERS = {"authorization": f"Bearer {SECRET}"}
ENVIRONMENT = {**os.environ, "HIGHWATER_SERVE__ADMIN_TOKEN": SECRET}
SERVE = f"exec {sys.executable} -m highwater serve --port 0 --data"
HOUR_US = 3_600_000_000


def mounts() -> bool:
    """Whether this machine lets us mount a disk of our own, seen by our processes only."""
    if shutil.which("unshare") is None or sys.platform != "linux":
        return False
    return subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not mounts(), reason="can't mount a small disk here: needs `unshare -rm` and mount")


@contextmanager
def on_a_small_disk(disk: Path, script: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`script` with `disk` a file system of 12 MB; the process, and the disk as the rest of the machine can reach it."""
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=12m none {disk} && {script}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        yield process, Path(f"/proc/{process.pid}/root{disk}")
    finally:
        process.kill()
        process.communicate()


def listening(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on "), line + (process.stderr.read() if process.stderr else "")
    return line.split()[-1]


def fill(disk: Path) -> None:
    """Until not a byte is left."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    ballast.write(b"x" * size)
            except OSError:
                continue


@needs_mounts
def test_a_full_disk_is_said_and_costs_nothing_that_was_taken(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    bodies = [lines(*(queue(second, f"USER-{user}") for user in range(400))) for second in range(10, 400, 10)]
    with on_a_small_disk(disk, f"{SERVE} {disk}/data") as (process, seen), httpx2.Client(headers=HEADERS, timeout=30) as client:
        address = listening(process)
        assert client.post(f"{address}/v1/events", content=bodies[0]).json()["accepted"] == 400
        fill(seen)
        answers = [client.post(f"{address}/v1/events", content=body) for body in bodies[1:9]]
        taken = 1 + sum(answer.status_code == 202 for answer in answers)
        assert {answer.status_code for answer in answers} <= {202, 503}
        assert answers[-1].status_code == 503
        assert "retry-after" in answers[-1].headers
        assert client.get(f"{address}/readyz").status_code == 503
        made = [client.post(f"{address}/v1/tokens", json={"role": "observer", "name": "x" * 60}).status_code for _ in range(200)]
        assert set(made) <= {201, 503}
        assert made[-1] == 503, "the data file can't grow either"
        assert client.get(f"{address}/v1/alerts").status_code == 200, "what is there can still be read"
        (seen / "ballast").unlink()
        until(lambda: client.post(f"{address}/v1/events", content=bodies[taken]).status_code == 202)
        for body in bodies[taken + 1 :]:
            assert client.post(f"{address}/v1/events", content=body).status_code == 202
        until(lambda: client.get(f"{address}/readyz").status_code == 200)
        newest = until(lambda: (page := client.get(f"{address}/v1/series?limit=1").json())["to"] == "2026-01-05T00:06:00Z" and page)
        assert len(newest["items"][0]["points"]) == 36, "every window is there, those from before and those from after"


@needs_mounts
@pytest.mark.parametrize("there", [False, True], ids=["a new folder", "a folder with data"])
def test_a_read_only_disk_is_one_line_and_exit_2(tmp_path: Path, there: bool) -> None:
    disk = tmp_path / "disk"
    data = f"{disk}/data"
    before = f"{sys.executable} -m highwater tokens create --role admin --name x --data {data} >/dev/null && " if there else ""
    with on_a_small_disk(disk, f"{before} mount -o remount,ro {disk} && {SERVE} {data}") as (process, _):
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert data in err
    assert "--data" in err


def posted(folder: Path) -> None:
    with House(folder) as house:
        assert house.client("ingest").post("/v1/events", content=lines(queue(10), queue(100))).status_code == 202
        house.judged()


def segment(folder: Path) -> Path:
    return max((folder / "journal").glob("*.journal"))


def test_a_torn_end_of_the_journal_is_taken_off_and_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    posted(folder)
    with segment(folder).open("ab") as file:
        file.write(b"HWJ1 and then the power went")
    with House(folder) as house:
        assert house.client("ingest").post("/v1/events", content=lines(queue(200))).status_code == 202
        house.judged()
        assert house.parts.board.events["accepted"] == 1
        assert house.client("observer").get("/v1/series/names").json()["items"]
    assert "the journal ended with an incomplete entry" in capfd.readouterr().out


def test_damage_inside_the_journal_stops_the_start_and_the_doctor_names_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    posted(folder)
    with House(folder) as house:
        house.client("ingest").post("/v1/events", content=lines(queue(200)))
    path = segment(folder)
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StateError, match="damaged: restore a backup"):
        House(folder).open()
    reported = highwater("doctor", "--data", folder, HIGHWATER_SERVE__PORT="0")
    assert reported.returncode == 1
    assert path.name in reported.stdout
    served = highwater("serve", "--port", "0", "--data", folder)
    assert (served.returncode, len(served.stderr.strip().splitlines())) == (2, 1)


@pytest.mark.parametrize("left", [None, b""])
def test_a_lost_data_file_is_said_and_nothing_begins_again_silently(tmp_path: Path, left: bytes | None) -> None:
    folder = tmp_path / "data"
    posted(folder)
    file = folder / "highwater.sqlite"
    for one in folder.glob("highwater.sqlite*"):
        one.unlink()
    if left is not None:
        file.write_bytes(left)
    with pytest.raises(UnreadableInput, match="missing or empty, and with it tokens"):
        House(folder).open()
    assert file.exists() == (left is not None), "nothing was made"


def test_a_data_file_that_is_damaged_inside_is_said_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    posted(folder)
    file = folder / "highwater.sqlite"
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(8192)
        handle.write(b"\x5a" * (size - 8192))
    served = highwater("serve", "--port", "0", "--data", folder)
    assert (served.returncode, len(served.stderr.strip().splitlines())) == (2, 1)
    assert "restore a backup" in served.stderr


def test_a_damaged_checkpoint_costs_nothing_the_older_one_and_the_journal_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    posted(folder)
    with House(folder) as house:
        house.client("ingest").post("/v1/events", content=lines(queue(200), queue(300)))
        house.judged()
        expected = house.client("observer").get("/v1/series").json()
    checkpoints = sorted((folder / "checkpoints").iterdir())
    assert len(checkpoints) == 2
    checkpoints[-1].write_bytes(checkpoints[-1].read_bytes()[:-10])
    with House(folder) as house:
        assert house.client("observer").get("/v1/series").json() == expected
        assert house.parts.engine.seq == 2


@pytest.mark.parametrize("jump_h", [-48, 48], ids=["back", "ahead"])
def test_a_clock_that_is_set_delays_nothing_and_judges_as_before(tmp_path: Path, jump_h: int) -> None:
    wall, steady = [MONDAY + 30 * 24 * HOUR_US], [1000.0]
    with House(tmp_path / "data", clock=Clock(lambda: wall[0], lambda: steady[0])) as house:
        wishes = Preferences(digest_s=3600, escalations=True)
        add = partial(subscriptions.add, holder="", name="x", channel="webhook", target="https://x.example/", wishes=wishes, now_us=wall[0])
        house.parts.database.write(add).result()
        house.publish(desk(alert("A-1")))
        assert house.client("ingest").post("/v1/events", content=lines(queue(10), queue(100))).status_code == 202
        wall[0] += jump_h * HOUR_US
        assert house.client("ingest").post("/v1/events", content=lines(queue(110), queue(200))).json()["accepted"] == 2
        house.judged()
        assert house.parts.board.events["accepted"] == 4
        assert house.client(None).get("/readyz").status_code == 200
        house.now(house.parts.jobs.check_clock_step())
        assert due(house) <= wall[0] + HOUR_US
        steady[0] += 901
        wall[0] += 901_000_000
        wanted = partial(triage_actions.unattended, before_us=wall[0] - 900_000_000, now_us=wall[0])
        assert [name for name, _ in house.parts.database.read(wanted)] == ["A-1"]


def due(house: House) -> int:
    return house.parts.database.read(lambda connection: connection.execute("SELECT max(due_us) FROM outbox").fetchone()[0])


def test_a_removed_journal_is_said_at_the_start_by_readyz_and_the_doctor(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    posted(folder)
    shutil.rmtree(folder / "journal")
    reported = highwater("doctor", "--data", folder, HIGHWATER_SERVE__PORT="0")
    assert reported.returncode == 1
    assert "files of it are missing" in reported.stdout
    with House(folder) as house:
        assert "the journal ends at entry 0" in house.client(None).get("/readyz").text
        assert house.client("ingest").post("/v1/events", content=lines(queue(200))).status_code == 202
    with House(folder) as house:
        assert house.client(None).get("/readyz").text == "ready\n", "what was said once is accepted"


def test_a_lost_state_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    posted(folder)
    shutil.rmtree(folder / "journal")
    shutil.rmtree(folder / "checkpoints")
    assert "the journal and the checkpoints are missing" in highwater("doctor", "--data", folder, HIGHWATER_SERVE__PORT="0").stdout
    with House(folder) as house:
        assert "what was learned is lost" in house.client(None).get("/readyz").text


def test_files_that_are_removed_while_the_monitor_runs_cost_nothing_that_was_accepted(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with House(folder) as house:
        client = house.client("ingest")
        client.post("/v1/events", content=lines(queue(10)))
        shutil.rmtree(folder / "journal")
        assert client.post("/v1/events", content=lines(queue(100), queue(200))).status_code == 202
        house.judged()
        until(lambda: "were removed while the monitor ran" in house.client(None).get("/readyz").text)
        assert segment(folder).stat().st_size > 0
        until(lambda: any((folder / "checkpoints").glob("*.state")))
    with House(folder) as house:
        assert house.client(None).get("/readyz").text == "ready\n"
        assert house.client("observer").get("/v1/series/names").json()["items"]
