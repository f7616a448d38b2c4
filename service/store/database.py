"""The data file: one thread writes (and checkpoints) it, any thread reads it."""

import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from models.errors import StateError, UnreadableInput
from service.store.migration import migrate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_GROUP = 256
"""Maximum number of jobs in one commit: they share its fsync."""
_READER_CACHE_KB = 256
"""Cache of each reading thread's connection; the operating system keeps the shared pages."""


class Database:
    """`write` queues a job for the writer thread, `read` runs a query on the calling thread's own connection.

    SQLite before 3.51.3 can damage a WAL file when two connections write or checkpoint at the same moment, so one
    connection does both here, and a lock file excludes short writes of other processes (the command line).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._jobs: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._writer = _open_writer(path, self._lock_path)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def write(self, job: Job[T], on_commit: Callable[[T], None] | None = None) -> "Future[T]":
        """Runs `job` in the writer's next transaction; the future is done when that is committed.

        `on_commit` is called with the result just before, in the writer's thread and therefore in the order of commits. A job that raises
        leaves nothing behind and does not affect the others. Raises StateError after `close`.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # the caller may stop waiting; the job is done nevertheless
        with self._guard:
            if self._closed:
                raise StateError("the data file is closed: the monitor is stopping")
            self._jobs.put((job, future, on_commit))
        return future

    def read(self, query: Job[T]) -> T:
        """The result of `query`, from the last committed state."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _open_reader(self.path)
            with self._guard:
                self._readers.append(connection)
        return query(connection)

    def close(self) -> None:
        """Commit what is queued, then close every connection."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        for reader in self._readers:
            reader.close()
        with _locked(self._lock_path):
            self._writer.close()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = [first], False
            while len(group) < _GROUP and not self._jobs.empty():
                item = self._jobs.get()
                if item is None:
                    last = True
                    break
                group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: "list[_Queued]") -> None:
        done: list[tuple[Future[Any], Any, Callable[[Any], None] | None]] = []
        try:
            with _locked(self._lock_path):
                self._writer.execute("BEGIN IMMEDIATE")
                for job, future, on_commit in group:
                    result = _attempt(self._writer, job, future)
                    if not future.done():
                        done.append((future, result, on_commit))
                self._writer.execute("COMMIT")
        except (sqlite3.Error, OSError) as fault:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for _, future, _ in group:
                if not future.done():
                    future.set_exception(fault)
            return
        for future, result, on_commit in done:
            try:
                if on_commit is not None:
                    on_commit(result)
            except Exception as fault:  # It is committed anyway: the caller learns that its listener failed.
                future.set_exception(fault)
            else:
                future.set_result(result)


_Queued = tuple[Job[Any], "Future[Any]", Callable[[Any], None] | None]


def _attempt(connection: sqlite3.Connection, job: Job[Any], future: "Future[Any]") -> Any:
    connection.execute("SAVEPOINT job")
    try:
        result = job(connection)
    except Exception as fault:  # An error of the job belongs to its caller.
        connection.execute("ROLLBACK TO job")
        future.set_exception(fault)
        result = None
    connection.execute("RELEASE job")
    return result


def _open_writer(path: Path, lock_path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(lock_path):
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            path.chmod(0o600)
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            migrate(connection)
    except (sqlite3.Error, OSError) as fault:
        raise UnreadableInput(
            f"can't open the data file {path}: {fault}; check the folder's permissions and free space, or restore a backup"
        ) from fault
    return connection


def _open_reader(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KB}")
    connection.execute("PRAGMA query_only=1")
    return connection


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Writers of other processes wait here: see the class."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
