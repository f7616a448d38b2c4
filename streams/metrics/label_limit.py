"""Label limit: only a limited number of values of a label are distinguished; all others share the value `other`."""

OTHER = "other"


class LabelLimiter:
    """The first `limit` values keep a label of their own as long as the process lives.

    The first values rather than the most frequent ones, because a series that moves between its own label and `other` breaks every rate.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: set[str] = set()
        self._folded: set[str] = set()

    def label(self, value: str) -> str:
        """`value` itself, or `other`."""
        if value in self._kept:
            return value
        if len(self._kept) < self._limit:
            self._kept.add(value)
            return value
        self._folded.add(value)
        return OTHER

    @property
    def folded(self) -> int:
        """Values that share `other`."""
        return len(self._folded)
