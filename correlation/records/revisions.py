"""Revisions: a record is written again only when something on which a reader acts has changed."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from models.rounding import round_significant
from models.vocabulary import Status

_LEAST = 100
"""Messages below which a doubling has no meaning for a reader."""


@dataclass(slots=True)
class LastRevision:
    """The last written state of one alert or incident."""

    revision: int = 0
    digest: str = ""
    resolved: bool = False
    observed: float = 0.0
    """The greatest value that was written; `depth` is similar."""
    depth: float = 0.0
    affected: int = 0
    """The greatest number of affected Users that was written."""

    def next_status(
        self, signature: tuple[object, ...], *, resolved: bool, observed: float = 0.0, depth: float = 0.0, affected: int = 0
    ) -> Status | None:
        """The status of the revision that is due now, None if none is; the written values count from here on."""
        digest = _digest(signature)
        doubled = _doubled(observed, self.observed) or _doubled(depth, self.depth) or _more(affected, self.affected)
        if self.revision and digest == self.digest and not doubled:
            return None
        status: Status = "resolved" if resolved else "open" if not self.revision or self.resolved else "updated"
        self.revision, self.digest, self.resolved = self.revision + 1, digest, resolved
        self.observed, self.depth = max(self.observed, float(round_significant(observed))), max(self.depth, float(round_significant(depth)))
        self.affected = max(self.affected, affected)
        return status


def _doubled(now: float, before: float) -> bool:
    """Whether it is twice the written value after rounding; a value far from it need not be rounded."""
    return now > 1.9 * before > 0 and now >= _LEAST and round_significant(now) >= 2 * before


def _more(now: int, before: int) -> bool:
    """Whether these are the first affected Users, or twice as many as were written."""
    return now > 0 and now >= 2 * before and now > before


@lru_cache(maxsize=4096)
def _digest(signature: tuple[object, ...]) -> str:
    """Most windows have the signature of the one before."""
    return blake2b(repr(signature).encode(), digest_size=16).hexdigest()
