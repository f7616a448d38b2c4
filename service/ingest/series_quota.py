"""How many series one token reports: each costs memory for as long as it may come again, so their number is bounded."""

import hashlib
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from models.columns import SeriesKey
from models.errors import HighwaterError
from models.times import DAY_US


class TooManySeriesError(HighwaterError):
    """A body would take its token beyond the series that it may report."""


class SeriesQuota:
    """Counts the distinct series that each token reported today and yesterday, by when they arrived; packs to a tree."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._day = 0
        self._today: dict[str, set[int]] = {}
        """Stream → fingerprints of its series; another process computes the same ones."""
        self._yesterday: dict[str, set[int]] = {}
        self._seen: dict[str, set[int]] = {}
        """Stream → this process' own hashes of the series in `_today`: they cost less."""
        self._packed: tuple[int, int] | None = None

    def take(self, stream: str, keys: Iterable[SeriesKey], now_us: int) -> None:
        """Counts the series of a body. Raises TooManySeriesError if there would be too many; then none of them is counted."""
        hashed = {hash(key): key for key in keys}
        with self._guard:
            self._turn(now_us // DAY_US)
            seen = self._seen.setdefault(stream, set())
            unseen = hashed.keys() - seen
            if not unseen:
                return
            fingerprints = {_fingerprint(hashed[one]) for one in unseen}
            today, yesterday = self._today.get(stream, set()), self._yesterday.get(stream, set())
            new = fingerprints - today - yesterday
            known = len(today | yesterday)
            if new and known + len(new) > self._most:
                raise TooManySeriesError(
                    f"this token reports {known} series and may report {self._most} (serve.quotas.series_per_token): nothing of this body"
                    " was taken; check whether a field such as `service` holds what differs from event to event"
                )
            seen |= unseen
            self._today.setdefault(stream, set()).update(fingerprints)

    def pack_if_changed(self) -> dict[str, Any] | None:
        """The count as a tree for `models.state_bytes`; None if it is that of the last call."""
        with self._guard:
            size = self._day, sum(map(len, self._today.values()))
            if size == self._packed:
                return None
            self._packed = size
            return {"day": self._day, "today": _packed(self._today), "yesterday": _packed(self._yesterday)}

    def pack_again(self) -> None:
        """The last tree was not kept: the next call of `pack_if_changed` gives one."""
        with self._guard:
            self._packed = None

    def restore(self, tree: Mapping[str, Any]) -> None:
        """Continues the count of an earlier process."""
        with self._guard:
            self._day = tree["day"]
            self._today, self._yesterday = _unpacked(tree["today"]), _unpacked(tree["yesterday"])

    def _turn(self, day: int) -> None:
        if day != self._day:
            self._yesterday = self._today if day == self._day + 1 else {}
            self._day, self._today, self._seen = day, {}, {}


def _fingerprint(key: SeriesKey) -> int:
    text = repr(tuple(key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _packed(series: Mapping[str, set[int]]) -> dict[str, bytes]:
    return {stream: np.sort(np.fromiter(hashes, np.uint64, len(hashes))).tobytes() for stream, hashes in sorted(series.items())}


def _unpacked(tree: Mapping[str, bytes]) -> dict[str, set[int]]:
    return {stream: set(np.frombuffer(hashes, np.uint64).tolist()) for stream, hashes in tree.items()}
