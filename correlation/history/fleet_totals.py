"""Fleet totals: the number of Users and the expected traffic, to distinguish a large incident from a small one."""

from collections.abc import Iterable
from typing import Any, Self

from models.columns import Detected
from models.rounding import round_significant_fast


class Fleet:
    """The latest window of each resolution, from all workers."""

    def __init__(self) -> None:
        self._users: dict[int, frozenset[str]] = {}
        self._due: dict[int, float] = {}
        self._seen: dict[int, tuple[Any, frozenset[str]]] = {}
        """Users of a part by its window length, as long as the part's groups are the same object."""

    def update(self, detected: Iterable[Detected]) -> None:
        """One window end."""
        parts: dict[int, list[Detected]] = {}
        for part in detected:
            if len(part.pulse.groups):
                parts.setdefault(part.window_s, []).append(part)
        for window_s, of in parts.items():
            self._users[window_s] = self._users_of(window_s, of)
            self._due[window_s] = round_significant_fast(sum(sorted(float(part.pulse.expected.sum()) for part in of)))

    def _users_of(self, window_s: int, parts: list[Detected]) -> frozenset[str]:
        groups = tuple(part.pulse.groups for part in parts)
        seen = self._seen.get(window_s)
        if seen is None or len(seen[0]) != len(groups) or any(old is not new for old, new in zip(seen[0], groups, strict=True)):
            seen = self._seen[window_s] = (groups, frozenset(group.user for part in groups for group in part))
        return seen[1]

    @property
    def users(self) -> int:
        """How many Users send or receive messages."""
        return len(frozenset().union(*self._users.values()))

    def share(self, messages: float, window_s: int) -> float:
        """`messages` in a window relative to all that is expected in the same time, whatever the window lengths; 0 if nothing is known."""
        due_per_s = sum(due / length_s for length_s, due in sorted(self._due.items()))
        return round_significant_fast(messages / window_s / due_per_s) if due_per_s > 0 else 0.0

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return [[window_s, sorted(self._users[window_s]), self._due[window_s]] for window_s in sorted(self._due)]

    @classmethod
    def unpack(cls, tree: Any) -> Self:
        """Inverse of `pack`."""
        fleet = cls()
        for window_s, users, due in tree:
            fleet._users[window_s], fleet._due[window_s] = frozenset(users), due
        return fleet
