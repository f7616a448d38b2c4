"""How many series one token reports: each costs memory for as long as it may come again, so their number is bounded."""

import threading
from collections.abc import Iterable

from models.columns import SeriesKey
from models.errors import HighwaterError
from models.times import DAY_US


class TooManySeriesError(HighwaterError):
    """A body would take its token beyond the series that it may report."""


class SeriesQuota:
    """Counts the distinct series that each token reported today and yesterday, by when they arrived; forgets them at a restart."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._day = 0
        self._today: dict[str, set[int]] = {}
        self._yesterday: dict[str, set[int]] = {}

    def take(self, stream: str, keys: Iterable[SeriesKey], now_us: int) -> None:
        """Counts the series of a body. Raises TooManySeriesError if there would be too many; then none of them is counted."""
        hashes = {hash(key) for key in keys}
        with self._guard:
            self._turn(now_us // DAY_US)
            today, yesterday = self._today.get(stream, set()), self._yesterday.get(stream, set())
            new = hashes - today
            known = len(today) + len(yesterday - today)
            if known + len(new - yesterday) > self._most and new - yesterday:
                raise TooManySeriesError(
                    f"this token reports {known} series and may report {self._most} (serve.quotas.series_per_token): nothing of this body"
                    " was taken; check whether a field such as `service` holds what differs from event to event"
                )
            self._today.setdefault(stream, set()).update(new)

    def _turn(self, day: int) -> None:
        if day != self._day:
            self._yesterday = self._today if day == self._day + 1 else {}
            self._day, self._today = day, {}
