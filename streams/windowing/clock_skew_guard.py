"""Clock-skew guard: a wrong clock at one User must not move the watermark of all (contract 1.3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from models.columns import EventBatch, Indices, Ints
from models.times import SECOND_US
from streams.windowing.batches import HeldEvent, batch_of, keep
from streams.windowing.watermarks import NEVER

HELD_MOST = 100_000
"""At most this many events are held, so that a clock that stays wrong cannot fill the memory."""
_LOOK_AHEAD = 1 << 14
"""Number of events that are examined at once in the search for the first one too far ahead."""


class AdmittedEvents(NamedTuple):
    """Events that may be processed, in input order."""

    batch: EventBatch
    first: int
    last: int
    """Events `first` to `last` - 1 of `batch`."""
    stream: str
    released: bool = False
    """Whether they were held until now: they count in their windows, but do not move a watermark."""
    refused: bool = False
    """Whether there is no room to hold them."""
    after: int = 0
    """For released events: how many events of the current batch came before."""


@dataclass(slots=True)
class _Waiting:
    """One User's held events, with their order of arrival."""

    events: list[tuple[int, HeldEvent]] = field(default_factory=list)
    lowest_us: int = -NEVER


class ClockSkewGuard:
    """Holds events that are more than `allowed_future_s` ahead of all that every other User has sent, until another User catches up.

    The highest `observed_at` of each User decides, held events included; a lone User's events are never held.
    """

    def __init__(self, allowed_future_s: int) -> None:
        self._allowed_us = allowed_future_s * SECOND_US
        self._numbers: dict[str, int] = {}
        self._sent = np.full(64, NEVER, np.int64)
        self._held: dict[int, _Waiting] = {}
        self._order = self._count = 0
        self._leader, self._leader_us, self._second_us = -1, NEVER, NEVER
        self._foreign: set[int] = set()
        """Users who sent events to other guards only."""
        self.ignores_remote = False
        """Whether remote Users are ignored."""

    @property
    def held(self) -> int:
        """Events held now."""
        return self._count

    def admit(self, batch: EventBatch, stream: str) -> Iterator[AdmittedEvents]:
        """The parts of `batch` that may be processed and the events that they release, in processing order."""
        users = self._users(batch)
        at, end = 0, len(batch)
        while at < end:
            stop = self._near_until(users, batch.observed_us, at, end)
            if stop == at:
                stop = self._clear_until(users, batch.observed_us, at, end)
            if stop == at:
                stop = at + 1
                if self._ahead(int(users[at]), int(batch.observed_us[at])):
                    if self._count < HELD_MOST:
                        self._hold(int(users[at]), keep(batch, at, stream))
                    else:
                        yield AdmittedEvents(batch, at, stop, stream, refused=True)
                    self._see(users[at:stop], batch.observed_us[at:stop])
                    yield from self._released(stop)
                    at = stop
                    continue
            stop = self._until_release(users, batch.observed_us, at, stop)
            self._see(users[at:stop], batch.observed_us[at:stop])
            yield AdmittedEvents(batch, at, stop, stream)
            yield from self._released(stop)
            at = stop

    @property
    def highest(self) -> tuple[tuple[str, int], ...]:
        """The two Users furthest ahead among those who sent events here, with their highest time, held events included."""
        known = self._sent[: len(self._numbers)]
        here = ((name, number) for name, number in self._numbers.items() if number not in self._foreign)
        ahead = sorted((-int(known[number]), name) for name, number in here if known[number] > NEVER)
        return tuple((name, -at_us) for at_us, name in ahead[:2])

    def observe_remote(self, highest: Mapping[str, int], *, ignores_remote: bool = False) -> Iterator[AdmittedEvents]:
        """Takes in the progress of Users at other guards, which may release held events.

        `ignores_remote`: remote progress is ignored from now on.
        """
        self.ignores_remote = ignores_remote
        for user in sorted(highest):
            if user not in self._numbers:
                self._foreign.add(len(self._numbers))
                self._numbers[user] = len(self._numbers)
        if not self._numbers:
            return
        self._grow()
        users = np.array([self._numbers[user] for user in sorted(highest)], np.int32)
        self._see(users, np.array([highest[user] for user in sorted(highest)], np.int64))
        yield from self._released()

    def give_up(self) -> list[HeldEvent]:
        """Every held event in input order: the input has ended and no other User caught up."""
        events = self._in_order()
        self._held, self._count = {}, 0
        return [event for _, _, event in events]

    def _in_order(self) -> list[tuple[int, int, HeldEvent]]:
        """(order, user, event) of every held event, in input order."""
        return sorted(
            ((order, user, event) for user, waiting in self._held.items() for order, event in waiting.events), key=lambda entry: entry[0]
        )

    def _users(self, batch: EventBatch) -> Indices:
        numbers = self._numbers
        of_key = np.array([numbers.setdefault(key.user, len(numbers)) for key in batch.keys], np.int32)
        if self._foreign:
            self._foreign.difference_update(of_key.tolist())
        self._grow()
        return of_key[batch.key] if len(of_key) else np.zeros(0, np.int32)

    def _grow(self) -> None:
        while len(self._numbers) > len(self._sent):
            self._sent = np.concatenate((self._sent, np.full(len(self._sent), NEVER, np.int64)))

    def _near_until(self, users: Indices, observed_us: Ints, at: int, end: int) -> int:
        """Where the first event stands that is too far ahead of the last one of another User before it; `at` while events are held.

        Whoever is near that one is near all that others have sent: a batch in order of time is clear at one look.
        """
        if self._held:
            return at
        changes = np.flatnonzero(users[at + 1 : end] != users[at : end - 1]) + 1
        others_us = np.empty(end - at, np.int64)
        others_us[:] = self._others(int(users[at]))
        if len(changes):
            before = np.repeat(observed_us[at + changes - 1], np.diff(changes, append=end - at))
            others_us[changes[0] :] = before
        return _first(observed_us[at:end] > others_us + self._allowed_us, at, end)

    def _clear_until(self, users: Indices, observed_us: Ints, at: int, end: int) -> int:
        """Position of the first event that might be too far ahead; `at` if it might be the very next one."""
        if self._second_us == NEVER:
            lone = users[at] if self._leader < 0 else self._leader
            return _first(users[at:end] != lone, at, end)
        while at < end:
            upto = min(at + _LOOK_AHEAD, end)
            stop = _first(observed_us[at:upto] > self._second_us + self._allowed_us, at, upto)
            if stop < upto or stop == end:
                return stop
            return upto
        return end

    def _until_release(self, users: Indices, observed_us: Ints, at: int, stop: int) -> int:
        """The position after the first event of `at` … `stop` that releases held events of another User."""
        for user, waiting in self._held.items():
            lets_go = (users[at:stop] != user) & (observed_us[at:stop] >= waiting.lowest_us - self._allowed_us)
            first = _first(lets_go, at, stop)
            stop = min(stop, first + 1)
        return stop

    def _ahead(self, user: int, observed_us: int) -> bool:
        others_us = self._others(user)
        return others_us != NEVER and observed_us > others_us + self._allowed_us

    def _others(self, user: int) -> int:
        return self._second_us if user == self._leader else self._leader_us

    def _see(self, users: Indices, observed_us: Ints) -> None:
        np.maximum.at(self._sent, users, observed_us)
        known = self._sent[: len(self._numbers)]
        if self.ignores_remote and self._foreign:
            known = known.copy()
            known[list(self._foreign)] = NEVER
        self._leader = int(np.argmax(known))
        self._leader_us = int(known[self._leader])
        self._second_us = int(max(known[: self._leader].max(initial=NEVER), known[self._leader + 1 :].max(initial=NEVER)))

    def _hold(self, user: int, event: HeldEvent) -> None:
        waiting = self._held.setdefault(user, _Waiting())
        waiting.events.append((self._order, event))
        waiting.lowest_us = min(waiting.lowest_us, event.observed_us)
        self._order += 1
        self._count += 1

    def _released(self, after: int = 0) -> Iterator[AdmittedEvents]:
        """Held events that another User has caught up with, in input order; `after` events of the current batch came before."""
        free: list[tuple[int, HeldEvent]] = []
        for user, waiting in list(self._held.items()):
            others_us = self._others(user)
            # A lone User's events are never held.
            limit = others_us + self._allowed_us if others_us != NEVER else -NEVER
            if waiting.lowest_us > limit:
                continue
            free += [entry for entry in waiting.events if entry[1].observed_us <= limit]
            stay = [entry for entry in waiting.events if entry[1].observed_us > limit]
            del self._held[user]
            if stay:
                self._held[user] = _Waiting(stay, min(event.observed_us for _, event in stay))
        self._count -= len(free)
        for stream, entries in groupby(sorted(free, key=lambda entry: entry[0]), key=lambda entry: entry[1].stream):
            events = [event for _, event in entries]
            yield AdmittedEvents(batch_of(events), 0, len(events), stream, released=True, after=after)

    def pack(self) -> Any:
        """State as a tree."""
        return {
            "users": list(self._numbers),
            "sent": self._sent[: len(self._numbers)],
            "foreign": sorted(self._foreign),
            "deaf": self.ignores_remote,
            "held": [[user, event.as_tree()] for _, user, event in self._in_order()],
        }

    @classmethod
    def unpack(cls, allowed_future_s: int, tree: Any) -> "ClockSkewGuard":
        """Inverse of `pack`."""
        guard = cls(allowed_future_s)
        guard._numbers = {user: number for number, user in enumerate(tree["users"])}
        count = len(guard._numbers)
        guard._sent = np.full(max(64, 2 * count), NEVER, np.int64)
        guard._foreign, guard.ignores_remote = set(tree.get("foreign", ())), tree.get("deaf", False)
        if count:
            guard._see(np.arange(count, dtype=np.int32), tree["sent"])
        for user, event in tree["held"]:
            guard._hold(user, HeldEvent.of_tree(event))
        return guard


def _first(flags: Any, at: int, end: int) -> int:
    """Index of the first set flag from `at` on; `end` if none is set."""
    index = int(flags.argmax()) if len(flags) else 0
    return at + index if len(flags) and flags[index] else end
