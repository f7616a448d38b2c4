"""`highwater serve` in a process of its own, forked from one that has imported everything once: it is there in a fraction of the time."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "highwater.cli", "service.http.server", "service.composition", "service.operations.logging_setup"])


class Served:
    """A monitor that can be asked, stopped and killed like any other process."""

    def __init__(self, data: Path, **environment: str) -> None:
        receiver, result = FORKS.Pipe(duplex=False)
        arguments = ["serve", "--port", "0", "--data", str(data)]
        self.process = FORKS.Process(target=_run, args=(arguments, environment, result), daemon=True)
        self.process.start()
        result.close()
        self.printed: list[str] = []
        self._lines = os.fdopen(os.dup(receiver.fileno()), encoding="utf-8")
        receiver.close()

    @property
    def address(self) -> str:
        """Where it listens; waits until it does."""
        while not self.printed or not self.printed[-1].startswith("listening on "):
            line = self._lines.readline()
            assert line, f"it ended before it listened: {self.printed}"
            self.printed.append(line.strip())
        return self.printed[-1].removeprefix("listening on ")

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used (proc(5): utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.process.join()
        self._lines.close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.join(30)
        assert self.process.exitcode is not None, "it did not stop"
        self._lines.close()
        return self.process.exitcode


def _run(arguments: list[str], environment: Mapping[str, str], result: Connection) -> None:
    from highwater.cli import main

    os.environ.update(environment)
    os.dup2(result.fileno(), 1)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    main(arguments)
