"""Failed sign-ins: what comes too often from one address is no longer looked at for a while, and all of them are in the audit log."""

import sqlite3
import threading
from dataclasses import dataclass
from functools import partial

import structlog

from models.clock import Clock
from service.networks import network_of
from service.problems import Problem
from service.store import audit
from service.store.database import Database

log = structlog.get_logger()
_MOST_ADDRESSES = 10_000
_AUDIT_EVERY_S = 60.0
_AUDITS_PER_MINUTE = 60


@dataclass(slots=True)
class _Failures:
    left: float
    """Failures that are still allowed."""
    seen_s: float
    unaudited: int = 0
    """Failures that the audit log does not name yet."""
    audited_s: float = float("-inf")


class FailedSignIns:
    """Allows each address so many failures a minute. Entries of the audit log sum up a minute, so that nobody fills the disk with them."""

    def __init__(self, database: Database, clock: Clock, per_minute: int) -> None:
        self._database, self._clock, self._per_minute = database, clock, per_minute
        self._guard = threading.Lock()
        self._addresses: dict[str, _Failures] = {}
        self._audits: list[float] = []

    def check(self, address: str | None) -> None:
        """Raises Problem 429 while this address has failed too often."""
        with self._guard:
            if self._of(network_of(address)).left < 1:
                wait = {"Retry-After": str(max(1, round(60 / self._per_minute)))}
                detail = (
                    f"more than {self._per_minute} sign-ins a minute failed from this address (serve.quotas.failed_sign_ins_per_minute)"
                )
                raise Problem(429, f"{detail}: wait, then use a token that works", headers=wait)

    def note(self, address: str | None, way: str) -> None:
        """One failed: it counts, and the audit log says so, at once or in the sum of the minute."""
        network, now_s = network_of(address), self._clock.steady_s()
        with self._guard:
            failures = self._of(network)
            failures.left = max(0.0, failures.left - 1)
            failures.unaudited += 1
            self._audits = [at for at in self._audits if now_s - at < _AUDIT_EVERY_S]
            if now_s - failures.audited_s < _AUDIT_EVERY_S or len(self._audits) >= _AUDITS_PER_MINUTE:
                return
            self._audits.append(now_s)
            failures.audited_s, count, failures.unaudited = now_s, failures.unaudited, 0
        log.warning("sign-ins failed", address=network, count=count, way=way)
        self._database.write(partial(_write, address=network, way=way, count=count, now_us=self._clock.wall_us()))

    def _of(self, network: str) -> _Failures:
        now_s = self._clock.steady_s()
        failures = self._addresses.get(network)
        if failures is None:
            if len(self._addresses) >= _MOST_ADDRESSES:
                del self._addresses[min(self._addresses, key=lambda name: self._addresses[name].seen_s)]
            failures = self._addresses[network] = _Failures(self._per_minute, now_s)
        failures.left = min(float(self._per_minute), failures.left + (now_s - failures.seen_s) * self._per_minute / 60)
        failures.seen_s = now_s
        return failures


def _write(connection: sqlite3.Connection, address: str, way: str, count: int, now_us: int) -> None:
    audit.note_external(connection, address, "nobody", "failed sign-in", way, now_us, {"count": count})
