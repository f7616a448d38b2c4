"""Stage records: what a partition sends to the correlating worker about its closed windows, and to all workers about its progress."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from typing import Any

from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.state_bytes import pack, unpack

STAGE_VERSION = 2
FINDINGS_HEADER = "progress"
"""Name of the record header with a Progress, so that workers that only follow need not unpack findings."""
MARK_HEADER = "mark"
"""Name of the record header that identifies the Progress of some pulses."""
_MARK = struct.Struct("<iqq")
PORTION_BYTES = 2 << 20
"""Bytes of windows in one record, unpacked; a quarter of the topics' record limit, because keys are added."""
_PULSE_BYTES, _QUEUE_BYTES, _FINDING_BYTES = 33, 17, 150
"""Estimated bytes of a series in a pulse, a queue in one, a finding with its evidence."""


def write_mark(partition: int, generation: int, sequence: int) -> bytes:
    """As bytes."""
    return _MARK.pack(partition, generation, sequence)


def read_mark(mark: bytes) -> tuple[int, int, int] | None:
    """(partition, generation, sequence); None if the bytes are not a mark."""
    if len(mark) != _MARK.size:
        return None
    partition, generation, sequence = _MARK.unpack(mark)
    return partition, generation, sequence


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """The progress of one partition and its worker's decisions by the clock, which a successor must repeat."""

    partition: int
    generation: int
    """Generation of the consumer group at that time; of several workers of one partition the highest one counts."""
    sequence: int
    """Number of the record within (partition, generation), from 0: the claim."""
    positions: dict[str, int]
    """topic → next offset that is not yet in this."""
    frontier_us: int | None
    """Windows up to it are closed and reported; None before the first."""
    calendar_next: int
    """Next offset of the change calendar that is not yet in this."""
    highest: tuple[tuple[str, int], ...] = ()
    """The two Users that are furthest in event time, with their times."""
    remote_highest: tuple[tuple[str, int], ...] = ()
    """The two Users of other partitions that are furthest in event time, as known to its worker: they decide what is held."""
    ignores_remote: bool = False
    """Whether its worker held no events because of them, as some of their partitions lagged."""
    lagging: bool = False
    """Whether records have been waiting for some seconds: then `highest` does not include everything that its Users have sent."""
    covers: tuple[int, int] = (-1, -1)
    """(generation, sequence) of the last record before the checkpoint that its worker began with; all later ones are sent again."""
    idle_topics: tuple[str, ...] = ()
    """Topics that bring nothing now."""
    idle: bool = False
    """No topic brings anything now: the partition follows the others."""

    def pack(self) -> bytes:
        """As bytes, without findings."""
        return pack({_KEYS.get(name, name): getattr(self, name) for name in _PROGRESS}, STAGE_VERSION)

    @classmethod
    def unpack(cls, blob: bytes) -> "PartitionProgress":
        """Raises StateError for bytes that are damaged or of another version."""
        tree = unpack(blob, STAGE_VERSION)
        values = {_NAMES.get(key, key): value for key, value in tree.items()}
        users = {name: tuple((str(user), int(at_us)) for user, at_us in values[name]) for name in ("highest", "remote_highest")}
        covers, idle_topics = (values["covers"][0], values["covers"][1]), tuple(values["idle_topics"])
        return cls(**{**values, **users, "covers": covers, "idle_topics": idle_topics})


_PROGRESS = tuple(each.name for each in fields(PartitionProgress))
_KEYS = {"remote_highest": "heard", "ignores_remote": "deaf", "idle_topics": "resting"}
"""Field → its key in the record, where they differ."""
_NAMES = {key: name for name, key in _KEYS.items()}


@dataclass(slots=True)
class KeyEncoder:
    """Tuples of keys with numbers, so that each is sent once and not with every window.

    If a tuple only gained keys at its end, only those are sent.
    """

    known: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Name → the tuple that was sent last."""
    numbers: dict[str, int] = field(default_factory=dict)

    def renew(self) -> None:
        """All keys are sent again with the next record, for readers that start there."""
        self.known.clear()

    def number(self, name: str, keys: tuple[Any, ...], news: dict[str, Any]) -> int:
        """Number of `keys` under `name`; the tuple is added to `news` if the reader does not know it yet."""
        last = self.known.get(name)
        if last is not keys:
            if last is None or len(keys) != len(last) or keys != last:
                begins = len(last) if last is not None and keys[: len(last)] == last else 0
                self.numbers[name] = self.numbers.get(name, -1) + 1
                news.setdefault(name, []).append([self.numbers[name], begins, [list(key) for key in keys[begins:]]])
            self.known[name] = keys
        return self.numbers[name]


class KeyDecoder:
    """The reader of KeyTables, for one (partition, generation)."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[int, tuple[Any, ...]]] = {}
        """Name → number → tuple: the last known one, and those of the last record."""

    def learn(self, news: dict[str, Any]) -> None:
        """Adds the tuples of a record."""
        for name, steps in sorted(news.items()):
            kind = PulseKey if name.endswith("groups") else SeriesKey
            last = self._last(name)
            tables = dict([last] if last else [])
            for number, begins, keys in steps:
                base = tables[max(tables)][:begins] if begins else ()
                tables[number] = base + tuple(kind(*key) for key in keys)
            self._tables[name] = tables

    def keys(self, name: str, number: int) -> tuple[Any, ...]:
        """The tuple of that number, the same object each time."""
        return self._tables[name][number]

    def copy(self) -> "KeyDecoder":
        """A copy that learns independently; the tuples are shared."""
        copied = KeyDecoder()
        copied._tables = dict(self._tables)
        return copied

    def pack(self) -> Any:
        """As a tree: the last tuple of each name."""
        last = {name: self._last(name) for name in sorted(self._tables)}
        return {name: [table[0], [list(key) for key in table[1]]] for name, table in last.items() if table}

    @classmethod
    def unpack(cls, tree: Any) -> "KeyDecoder":
        """Inverse of `pack`."""
        reader = cls()
        reader.learn({name: [[number, 0, keys]] for name, (number, keys) in tree.items()})
        return reader

    def _last(self, name: str) -> tuple[int, tuple[Any, ...]] | None:
        tables = self._tables.get(name)
        return (max(tables), tables[max(tables)]) if tables else None


def split_by_size(detected: Sequence[Detected], most_bytes: int = PORTION_BYTES) -> list[list[Detected]]:
    """`detected` in parts whose records stay well below the brokers' limit; windows that closed together stay together."""
    parts: list[list[Detected]] = []
    size = 0
    for _, closed in groupby(detected, key=lambda each: each.at_us):
        together = list(closed)
        more = sum(_size(each) for each in together)
        if not parts or size + more > most_bytes:
            parts.append([])
            size = 0
        parts[-1] += together
        size += more
    return parts


def _size(detected: Detected) -> int:
    """Estimated bytes of its larger half."""
    pulses = len(detected.pulse.groups) * _PULSE_BYTES + len(detected.queue_pulse.queues) * _QUEUE_BYTES
    return max(pulses, (len(detected.traffic) + len(detected.queues)) * _FINDING_BYTES)


def pack_findings(detected: Sequence[Detected], tables: KeyEncoder) -> bytes:
    """The findings of some windows of one partition."""
    news: dict[str, Any] = {}
    windows = [_window(each, tables, news) for each in detected]
    return pack({"keys": news, "windows": windows}, STAGE_VERSION)


def _window(detected: Detected, tables: KeyEncoder, news: dict[str, Any]) -> dict[str, Any]:
    name = str(detected.window_s)
    return {
        "at_us": detected.at_us,
        "window_s": detected.window_s,
        "traffic_keys": tables.number(f"{name}/traffic", detected.traffic_keys, news),
        "queue_keys": tables.number(f"{name}/queues", detected.queue_keys, news),
        "traffic": _findings(detected.traffic),
        "queues": _findings(detected.queues),
    }


_FINDING_COLUMNS = ("kind", "series", "phase", "began_us", "detected_us", "score", "observed", "expected", "serious")


def _findings(findings: Findings) -> dict[str, Any] | None:
    if not len(findings) and not findings.codes:
        return None
    columns = {name: getattr(findings, name) for name in _FINDING_COLUMNS}
    codes = {str(series): dict(counts) for series, counts in findings.codes.items()}
    refused = {"refused": sorted(map(list, findings.refused))} if findings.refused else {}
    return {**columns, "evidence": dict(findings.evidence), "codes": codes, **refused}


def unpack_findings(tree: dict[str, Any] | None) -> Findings:
    """Inverse of `_findings`; None means no rows."""
    if tree is None:
        return Findings.none()
    codes = {int(series): counts for series, counts in tree["codes"].items()}
    refused = frozenset((int(kind), int(series)) for kind, series in tree.get("refused", ()))
    return Findings(**{name: tree[name] for name in _FINDING_COLUMNS}, evidence=tree["evidence"], codes=codes, refused=refused)


_PULSE_COLUMNS = ("reported", "observed", "failed", "expected", "variance")
_QUEUE_COLUMNS = ("reported", "depth", "oldest_age_s")


def pack_pulses(detected: Sequence[Detected], tables: KeyEncoder) -> bytes:
    """The pulses of the same windows."""
    news: dict[str, Any] = {}
    windows = [
        {
            "groups": tables.number(f"{each.window_s}/groups", each.pulse.groups, news),
            "queues": tables.number(f"{each.window_s}/pulsing", each.queue_pulse.queues, news),
            "pulse": {name: getattr(each.pulse, name) for name in _PULSE_COLUMNS},
            "queue_pulse": {name: getattr(each.queue_pulse, name) for name in _QUEUE_COLUMNS},
        }
        for each in detected
    ]
    return pack({"keys": news, "windows": windows}, STAGE_VERSION)


def detected_of(findings: dict[str, Any], pulses: dict[str, Any], keys: KeyDecoder) -> Iterable[Detected]:
    """Joins the two halves of some windows; the arguments are the unpacked records."""
    keys.learn(findings["keys"])
    keys.learn(pulses["keys"])
    for window, pulse in zip(findings["windows"], pulses["windows"], strict=True):
        at_us, window_s = window["at_us"], window["window_s"]
        yield Detected(
            at_us=at_us,
            window_s=window_s,
            traffic_keys=keys.keys(f"{window_s}/traffic", window["traffic_keys"]),
            queue_keys=keys.keys(f"{window_s}/queues", window["queue_keys"]),
            traffic=unpack_findings(window["traffic"]),
            queues=unpack_findings(window["queues"]),
            pulse=Pulse(at_us, window_s, keys.keys(f"{window_s}/groups", pulse["groups"]), **pulse["pulse"]),
            queue_pulse=QueuePulse(at_us, window_s, keys.keys(f"{window_s}/pulsing", pulse["queues"]), **pulse["queue_pulse"]),
        )
