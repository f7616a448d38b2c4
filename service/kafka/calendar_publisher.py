"""Calendar publisher: changes declared here are sent to the calendar topic until they appear there."""

import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from models.canonical_json import decode, to_json
from models.change import Change
from models.clock import Clock
from service.access import DESK
from service.store import commits
from service.store.database import Database
from service.store.records import CHANGE, Logged, Row

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

_AGAIN_S = 10.0


class CalendarPublisher:
    """Revisions that the topic does not contain yet. The data file stores those it has contained, even if a tombstone withdrew them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._guard = threading.Lock()
        self._held: dict[str, int] = database.read(commits.published)
        """Key of the change → highest revision seen in the topic under that key."""
        self._seen: dict[str, int] = {}
        """The part of it that is not in the data file yet."""
        self._due: dict[tuple[str, int], Change] = {}
        self._sent_s: dict[tuple[str, int], float] = {}
        self._old_keys: dict[str, Change] = {}
        """Record key of an earlier release (the `change_id` alone) → the change under it."""
        self._keys: set[str] = set()
        """Keys of all known changes: an old record key that equals one of them is not deleted by a tombstone."""
        self._moved: set[str] = set()
        """Keys of changes that were seen in the topic under their own key."""
        self._end: int | None = None
        self._caught_up = False

    def add(self, changes: Iterable[Change]) -> None:
        """Changes that are declared here already."""
        for change in changes:
            self._add(change)

    def declared(self, added: Sequence[tuple[Logged, Row]]) -> None:
        """Called by the engine for new revisions in the data file."""
        for _, row in added:
            if row.kind == CHANGE and row.audience == DESK:
                self._add(decode(Change, row.body))

    def seen(self, record_key: str, change: Change) -> None:
        """The topic contains this revision: none up to it is sent any more. A revision under an old key is sent again under its own."""
        with self._guard:
            self._keys.add(change.key)
            if record_key == change.change_id:
                self._old_keys[record_key] = change
                if change.key not in self._moved:
                    self._due[change.key, change.revision] = change
                return
            self._moved.add(change.key)
            if change.revision > self._held.get(change.key, 0):
                self._held[change.key] = self._seen[change.key] = change.revision
            for due in [due for due in self._due if due[0] == change.key and due[1] <= change.revision]:
                del self._due[due]
                self._sent_s.pop(due, None)

    def publish(self, consumer: "KafkaConsumer", sender: "KafkaProducer", topic_partition: "TopicPartition") -> None:
        """Sends the missing revisions, after the whole topic was read."""
        if self._seen:
            noted, self._seen = self._seen, {}
            self._database.write(partial(commits.note_published, revisions=noted)).result()
        if not self._caught_up and topic_partition in consumer.assignment():
            self._end = consumer.end_offsets([topic_partition])[topic_partition] if self._end is None else self._end
            self._caught_up = (consumer.position(topic_partition) or 0) >= self._end
        if not self._caught_up:
            return
        now_s = self._clock.steady_s()
        with self._guard:
            late = [(key, self._due[key]) for key in sorted(self._due) if now_s - self._sent_s.get(key, -_AGAIN_S) >= _AGAIN_S]
            self._sent_s.update((key, now_s) for key, _ in late)
            replaced = [name for name, change in self._old_keys.items() if change.key in self._moved]
            replaced = [name for name in replaced if self._old_keys.pop(name) and name not in self._keys]
        for (key, _), change in late:
            sender.send(topic_partition.topic, to_json(change), key=key.encode())
        for name in replaced:
            sender.send(topic_partition.topic, None, key=name.encode())

    def _add(self, change: Change) -> None:
        with self._guard:
            self._keys.add(change.key)
            if change.revision > self._held.get(change.key, 0):
                self._due[change.key, change.revision] = change
