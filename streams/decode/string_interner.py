"""String interner: finds equal texts among many without a Python object per text, and never by hash alone."""

from collections.abc import Callable

import numpy as np

from models.columns import Flags, Indices
from streams.decode.byte_buffer import Words

_MOST = 100_000
"""Maximum number of texts in an intern table. A full table starts again, so that invented names cannot fill the memory."""


def _odd(count: int) -> Words:
    """Fixed odd multipliers (splitmix64)."""
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state ^ (state >> np.uint64(31))) | np.uint64(1)


multipliers = _odd(256)


def hashes(words: Words) -> Words:
    """One number per text; zero words at the end of a text do not change it."""
    mixed = words @ multipliers[: words.shape[1]]
    return np.asarray((mixed ^ (mixed >> np.uint64(32))) * multipliers[-1])


def first_equal(words: Words) -> Indices:
    """Index of the first equal text, shape (n,).

    On a hash collision a text maps to itself: it is processed again, never merged.
    """
    hashes_of_words = hashes(words)
    own = np.arange(len(words), dtype=np.int32)
    bits = max(4, int(4 * len(words)).bit_length())
    slots = (hashes_of_words >> np.uint64(64 - bits)).astype(np.int64)
    table = np.empty(1 << bits, np.int32)
    table[slots[::-1]] = own[::-1]
    leader = table[slots]
    crowded = np.flatnonzero(hashes_of_words[leader] != hashes_of_words)
    if len(crowded):
        _, first, which = np.unique(hashes_of_words[crowded], return_index=True, return_inverse=True)
        leader[crowded] = crowded[first][which]
    equal = words[leader] == words
    return leader if equal.all() else np.where(equal.all(axis=1), leader, own)


class InternTable:
    """Known texts and their numbers. `ask` is called once for each unknown text.

    A snapshot is replaced as a whole, so that threads that read see the old or the new one.
    """

    def __init__(self) -> None:
        self.snapshot = Snapshot(np.zeros((0, 1), np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int32))

    def numbers(self, words: Words, ask: Callable[[int], int]) -> Indices:
        """The number of each text, shape (n,); `ask(i)` is called if text i is new, and its answer is kept."""
        known = self.snapshot
        if words.shape[1] > known.words.shape[1]:
            known = known.widened(words.shape[1])
        elif words.shape[1] < known.words.shape[1]:
            words = _widened(words, known.words.shape[1])
        hashes_of_words = hashes(words)
        numbers, hit = known.find(words, hashes_of_words)
        if not hit.all():
            missing = np.flatnonzero(~hit)
            fresh, where = np.unique(first_equal(words[missing]), return_inverse=True)
            answers = np.array([ask(int(missing[first])) for first in fresh], np.int32)
            numbers[missing] = answers[where]
            self.snapshot = known.grown(words[missing[fresh]], hashes_of_words[missing[fresh]], answers)
        return numbers


class Snapshot:
    """One snapshot: texts as words, their hashes, their numbers, and a table from the hash's first bits to a text."""

    def __init__(self, words: Words, hashes_of_words: Words, numbers: Indices) -> None:
        self.words, self.hashes, self.numbers = words, hashes_of_words, numbers
        self.shift = np.uint64(64 - max(8, int(8 * len(words)).bit_length()))
        self.table = np.full(1 << (64 - int(self.shift)), -1, np.int32)
        self.table[hashes_of_words >> self.shift] = np.arange(len(words), dtype=np.int32)
        self.order = np.argsort(hashes_of_words, kind="stable").astype(np.int32)
        self.sorted_hashes = hashes_of_words[self.order]

    def find(self, words: Words, hashes_of_words: Words) -> tuple[Indices, Flags]:
        """(number, known) of each text."""
        if not len(self.numbers):
            return np.full(len(words), -1, np.int32), np.zeros(len(words), np.bool_)
        at = self.table[hashes_of_words >> self.shift]
        crowded = np.flatnonzero(self.hashes[at] != hashes_of_words)
        if len(crowded):
            index = np.searchsorted(self.sorted_hashes, hashes_of_words[crowded])
            at[crowded] = self.order[np.minimum(index, len(self.order) - 1)]
        equal = self.words[at] == words
        hit = np.ones(len(words), np.bool_) if equal.all() else equal.all(axis=1)
        return np.where(hit, self.numbers[at], np.int32(-1)), hit

    def widened(self, width: int) -> "Snapshot":
        """The same texts with room for longer ones."""
        return Snapshot(_widened(self.words, width), self.hashes, self.numbers)

    def grown(self, words: Words, hashes_of_words: Words, numbers: Indices) -> "Snapshot":
        """The snapshot with more texts; only the new texts if the total would be too large."""
        if len(self.words) + len(words) > _MOST:
            return Snapshot(words, hashes_of_words, numbers)
        return Snapshot(
            np.concatenate([self.words, words]), np.concatenate([self.hashes, hashes_of_words]), np.concatenate([self.numbers, numbers])
        )


def _widened(words: Words, width: int) -> Words:
    return np.pad(words, ((0, 0), (0, width - words.shape[1])))
