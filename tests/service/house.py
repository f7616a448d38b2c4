"""A house: one monitor, its server in a thread, and clients with the tokens of every role."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2

from models.clock import Clock
from service.access import Role
from service.composition import compose
from service.http.app import create_app
from service.http.server import Server, address_of, listening_socket
from service.parameters import ServeParameters
from service.store import commits, tokens
from service.store.records import Row
from streams.pipeline import PipelineParameters

ROLES = ("ingest", "observer", "triage", "admin", "user:ACME", "user:BOLT")


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """What `condition` gives as soon as that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class House:
    """`with House(folder) as house`: `house.client("triage")` asks the running monitor."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        open_role: Role | None = None,
        core: PipelineParameters | None = None,
        **parameters: Any,
    ) -> None:
        self._core = core or PipelineParameters()
        self.parameters = ServeParameters(port=0, data_dir=folder, **parameters)
        self._clock, self._open_role = clock, open_role
        self.secrets: dict[str, str] = {}
        self._clients: list[httpx2.Client] = []
        self._of_role: dict[str | None, httpx2.Client] = {}

    def open(self) -> None:
        """Build the monitor and start it."""
        self.parts = compose(self.parameters, self._core, clock=self._clock, open_role=self._open_role)
        self.parts.monitor.start()

    def __enter__(self) -> "House":
        self.open()
        for role in ROLES:
            job = partial(tokens.create, role=role, name=f"{role} of the tests", by="tests", now_us=self.parts.clock.wall_us())
            self.secrets[role] = self.parts.database.write(job).result()[1]
        self._socket = listening_socket("127.0.0.1", 0)
        self.address = address_of(self._socket)
        started = threading.Event()
        proxies = self.parameters.trusted_proxies
        self.server = Server(create_app(self.parts), self.parts.events, self.parameters.read_timeout_s, started.set, proxies=proxies)
        self._thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self._socket])), daemon=True)
        self._thread.start()
        assert started.wait(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        for client in self._clients:
            client.close()
        self.server.should_exit = True
        self._thread.join(20)
        self._socket.close()
        self.parts.monitor.close()

    def client(self, role: str | None, **more: Any) -> httpx2.Client:
        if not more and role in self._of_role:
            return self._of_role[role]
        headers = {"authorization": f"Bearer {self.secrets[role]}"} if role else {}
        client = httpx2.Client(
            base_url=self.address, headers=headers, timeout=20, **{"verify": False, **more}
        )  # plain http: no certificates to load
        self._clients.append(client)
        if not more:
            self._of_role[role] = client
        return client

    def publish(self, rows: Sequence[Row]) -> None:
        """Records as if they had just been decided."""
        write = partial(commits.write, rows=[(row, None) for row in rows], now_us=self.parts.clock.wall_us())
        added = self.parts.database.write(write, self.parts.announce).result()
        self.parts.board.recorded([row for _, row in added])

    def now(self, duty: Coroutine[Any, Any, None]) -> None:
        """Do at once what the monitor does by the clock."""
        loop = self.parts.events._loop
        assert loop is not None
        asyncio.run_coroutine_threadsafe(duty, loop).result(20)

    def judged(self) -> None:
        """Wait until everything posted so far is judged and committed."""
        self.parts.engine.reached(self.parts.engine._journal.next_seq - 1).result(20)
