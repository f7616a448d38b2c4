"""`make test` uses all cores: what its processes share exists once, and ends with the last that uses it."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tests.conftest import APART, FIRST, TOGETHER
from tests.shared import shared_file, shared_server

TESTS = Path(__file__).parents[1]
FORK = multiprocessing.get_context("fork")


def test_the_modules_and_folders_that_are_scheduled_by_name_exist() -> None:
    modules = {path.stem for path in TESTS.rglob("test_*.py")}
    assert {*APART, *TOGETHER} <= modules
    assert all((TESTS / name).is_dir() for name in FIRST)


def use(folder: Path, together: Barrier, seconds: float) -> None:
    """One process of a run: uses the server, and writes down what it saw."""

    @contextmanager
    def start() -> Iterator[str]:
        with (folder / "log").open("a") as log:
            log.write("start\n")
        yield "127.0.0.1:1"
        with (folder / "log").open("a") as log:
            log.write("stop\n")

    with shared_server(folder, "server", start) as address:
        assert address == "127.0.0.1:1"
        together.wait(30)
        time.sleep(seconds)
        with (folder / "log").open("a") as log:
            log.write("used\n")


def test_a_shared_server_starts_once_and_stops_after_its_last_user(tmp_path: Path) -> None:
    together = FORK.Barrier(3)
    processes = [FORK.Process(target=use, args=(tmp_path, together, seconds)) for seconds in (0.0, 0.2, 0.2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "log").read_text().split() == ["start", "used", "used", "used", "stop"]
    assert not (tmp_path / "server.address").exists()


def test_a_shared_file_is_written_once(tmp_path: Path) -> None:
    written: list[Path] = []

    def write(path: Path) -> None:
        written.append(path)
        path.write_text("a day")

    for _ in range(3):
        assert shared_file(tmp_path, "day.ndjson", write).read_text() == "a day"
    assert len(written) == 1
