"""User bursts: how large the bursts of a whole User usually are. One batch job shows in several series, at each hour in others.

A burst is as large as it was in the series in which it was largest: the answers of a busy series wait in a queue, and the devices send
them longer and more slowly than they were asked.
"""

from typing import Any

import numpy as np

from detectors.rates.habits import KEPT_S, MEASURES, MOST_RUN_S, OFTEN_TIMES
from detectors.state_blocks import Parts
from models.columns import Columns, Ints, SeriesKey

RING = 8
_SAME_S = MOST_RUN_S // 4
"""Excursions of several series that begin this near to each other are one burst."""
LEARNED = tuple(f"kin_{name}" for name in MEASURES)
"""Columns of `storm` in which a new installation begins with what was usual; it stays so until there are enough bursts of its own."""


class UserBursts:
    """The last bursts of each User, by what they had at most in any of its series; state by User."""

    def __init__(self, threshold: float) -> None:
        """`threshold`: the evidence of an alarm (nats); what brought less is no burst."""
        self._threshold = threshold
        self._users: tuple[str, ...] = ()
        self._user_of: Ints = np.zeros(0, np.int64)
        self._ring = _fresh(0)

    def arrange(self, keys: tuple[SeriesKey, ...]) -> None:
        """Whose series are whose; bursts that are known stay."""
        users = tuple(sorted({key.user for key in keys}))
        number = {user: index for index, user in enumerate(users)}
        ring = _fresh(len(users))
        kept = [index for index, user in enumerate(self._users) if user in number]
        for name, rows in ring.items():
            rows[:, [number[self._users[index]] for index in kept]] = self._ring[name][:, kept]
        self._users, self._ring = users, ring
        self._user_of = np.array([number[key.user] for key in keys], np.int64)

    def learn(self, blocks: list[tuple[slice, Parts]], at_s: int) -> None:
        """After a window: excursions that ended in it, and what that makes usual in all series of their Users."""
        users: set[int] = set()
        for span, block in blocks:
            state = block["storm"]
            ended = (state["counted_s"] == at_s) & (state["size_s"] == state["peak_s"])
            for row in ended.nonzero()[0].tolist():
                if state["ring_nats"][state["ring_s"][:, row] == state["peak_s"][row], row].max(initial=0.0) > self._threshold:
                    user = int(self._user_of[span.start + row])
                    self._add(user, state, row)
                    users.add(user)
        usual = {user: sizes for user in sorted(users) if (sizes := self._usual(user, at_s))["due"]}
        if not usual:
            return
        rank_of = np.full(len(self._users), -1)
        rank_of[list(usual)] = np.arange(len(usual))
        for span, block in blocks:
            rank = rank_of[self._user_of[span]]
            rows = (rank >= 0).nonzero()[0]
            for name in MEASURES:
                block["storm"][f"kin_{name}"][rows] = np.array([sizes[name] for sizes in usual.values()])[rank[rows]]

    def _add(self, user: int, state: Columns, row: int) -> None:
        """Stores an excursion; of several at the same time what they had at most."""
        began_s, ring = int(state["peak_s"][row]), self._ring
        ago_s = np.abs(ring["began_s"][:, user].astype(np.int64) - began_s)
        index = int(ago_s.argmin())
        if ago_s[index] >= _SAME_S:
            index = int(ring["began_s"][:, user].argmin())
            for name in MEASURES:
                ring[name][index, user] = 0.0
            ring["began_s"][index, user] = began_s
        for name in MEASURES:
            ring[name][index, user] = max(ring[name][index, user], state[name][row])

    def _usual(self, user: int, at_s: int) -> dict[str, float]:
        """What at least `OFTEN_TIMES` bursts had; 0 while there are fewer."""
        began_s = self._ring["began_s"][:, user].astype(np.int64)
        kept = (began_s > 0) & (at_s - began_s < KEPT_S)
        return {name: float(np.sort(np.where(kept, self._ring[name][:, user], 0.0))[-OFTEN_TIMES]) for name in MEASURES}

    def pack(self) -> dict[str, Any]:
        """State as a tree."""
        return {"users": list(self._users), "ring": self._ring}

    def restore(self, tree: dict[str, Any] | None) -> None:
        """Restores the state that `pack` returned; None: of a version that had none."""
        if tree is not None:
            self._users, self._ring = tuple(tree["users"]), {name: np.array(rows) for name, rows in tree["ring"].items()}


def _fresh(users: int) -> Columns:
    """When the last bursts began (s since 1970, 0: none), messages due a window, and their size (`habits.Size`)."""
    return {"began_s": np.zeros((RING, users), np.uint32)} | {name: np.zeros((RING, users), np.float32) for name in MEASURES}
