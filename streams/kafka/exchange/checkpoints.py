"""Checkpoints: a task's state with the input positions that it covers, in a compacted topic.

State is cut into blocks, and only changed blocks are written; a manifest, written last, lists its blocks. Each block has two slots, and a
changed block goes to the slot that the last manifest does not use. Therefore the last two manifests are complete, whatever is compacted.
A worker writes under its own epoch, so that a worker that was believed dead can't damage the checkpoints of its successor.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from models.errors import StateError
from models.state_bytes import pack, unpack

log = logging.getLogger(__name__)
BLOCK = 256 * 1024
"""Bytes of state in one record, far below the default limit of brokers."""
MANIFEST_VERSION = 1
_VERSIONS_KEPT = 3
"""How many records per key are kept while reading, so that a damaged record does not hide a good one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoint that was read."""

    parts: dict[str, bytes]
    about: dict[str, Any]
    """The writer's additional data: positions and similar."""
    epoch: int
    number: int


@dataclass(frozen=True, slots=True)
class Written:
    """The cost of one checkpoint."""

    blocks: int
    bytes: int


class CheckpointWriter:
    """Writes one task's checkpoints under one epoch."""

    def __init__(
        self, producer: AIOKafkaProducer, topic_partition: TopicPartition, unit: str, epoch: int, stale: frozenset[bytes] = frozenset()
    ) -> None:
        self._producer = producer
        self._topic_partition = topic_partition
        self._prefix = f"{unit}/{epoch}"
        self._about = {"unit": unit, "epoch": epoch}
        self._slots: dict[tuple[str, int], tuple[bytes, int]] = {}
        """(part, block) → digest and slot as of the last manifest."""
        self._number = 0
        self._stale = stale

    async def write(self, parts: Mapping[str, bytes], about: dict[str, Any]) -> Written:
        """Returns when the brokers have it. Raises KafkaError; the last manifest is still valid then."""
        slots: dict[tuple[str, int], tuple[bytes, int]] = {}
        changed: list[tuple[bytes, bytes]] = []
        for part, blob in sorted(parts.items()):
            for offset in range(0, len(blob), BLOCK):
                block, number = blob[offset : offset + BLOCK], offset // BLOCK
                digest, before = _digest(block), self._slots.get((part, number))
                if before is not None and before[0] == digest:
                    slots[part, number] = before
                    continue
                slot = 0 if before is None else 1 - before[1]
                slots[part, number] = (digest, slot)
                changed.append((self._key(part, number, slot), block))
        for sent in [await self._send(key, block) for key, block in changed]:
            await sent
        self._number += 1
        manifest = {
            **self._about,
            "number": self._number,
            "about": about,
            "blocks": [[part, number, self._key(part, number, slot), digest] for (part, number), (digest, slot) in sorted(slots.items())],
        }
        await (await self._send(self._key("manifest", 0, self._number % 2), pack(manifest, MANIFEST_VERSION)))
        self._slots = slots
        await self._clear()
        return Written(len(changed), sum(len(block) for _, block in changed))

    def _key(self, part: str, number: int, slot: int) -> bytes:
        return f"{self._prefix}/{part}/{number}/{'ab'[slot]}".encode()

    async def _send(self, key: bytes, value: bytes | None) -> asyncio.Future[Any]:
        sent: asyncio.Future[Any] = await self._producer.send(
            self._topic_partition.topic, value, key=key, partition=self._topic_partition.partition
        )
        return sent

    async def _clear(self) -> None:
        """Removes the records of former owners, now that ours is complete."""
        for sent in [await self._send(key, None) for key in sorted(self._stale)]:
            await sent
        self._stale = frozenset()


@dataclass(slots=True)
class _StoredRecords:
    """All records of one task."""

    values: dict[bytes, deque[bytes]] = field(default_factory=dict)
    manifests: list[bytes] = field(default_factory=list)


async def read_checkpoint(
    consumer: AIOKafkaConsumer, topic_partition: TopicPartition, unit: str
) -> tuple[Checkpoint | None, frozenset[bytes]]:
    """The newest complete checkpoint of `unit`, and all keys that were found; `consumer` has no group.

    A damaged checkpoint is logged and skipped, and the one before it is used.
    """
    stored = await _read(consumer, topic_partition, f"{unit}/".encode())
    manifests = []
    for blob in stored.manifests:
        try:
            manifests.append(unpack(blob, MANIFEST_VERSION))
        except StateError as fault:
            log.warning("a checkpoint of %s is skipped: %s", unit, fault)
    manifests.sort(key=lambda manifest: (manifest["epoch"], manifest["number"]), reverse=True)
    keys = frozenset(stored.values)
    for manifest in manifests:
        parts = _assembled(manifest, stored.values)
        if parts is not None:
            return Checkpoint(parts, manifest["about"], manifest["epoch"], manifest["number"]), keys
        log.warning("checkpoint %d of %s is damaged or incomplete: using the one before it", manifest["number"], unit)
    return None, keys


async def _read(consumer: AIOKafkaConsumer, topic_partition: TopicPartition, prefix: bytes) -> _StoredRecords:
    stored = _StoredRecords()
    async for record in records_until_end(consumer, topic_partition, None):
        if record.key is None or not record.key.startswith(prefix):
            continue
        if record.value is None:
            stored.values.pop(record.key, None)
        else:
            stored.values.setdefault(record.key, deque(maxlen=_VERSIONS_KEPT)).append(record.value)
            if b"/manifest/" in record.key:
                stored.manifests.append(record.value)
    return stored


async def records_until_end(consumer: AIOKafkaConsumer, topic_partition: TopicPartition, start: int | None) -> Any:
    """Every record of `topic_partition` from `start` (None: the first) to the end at the time of the call."""
    consumer.assign([topic_partition])
    end = (await consumer.end_offsets([topic_partition]))[topic_partition]
    begin = (await consumer.beginning_offsets([topic_partition]))[topic_partition]
    at = begin if start is None else max(begin, min(start, end))
    consumer.seek(topic_partition, at)
    while at < end:
        for records in (await consumer.getmany(topic_partition, timeout_ms=500)).values():
            for record in records:
                yield record
        at = await consumer.position(topic_partition)


def _assembled(manifest: dict[str, Any], values: Mapping[bytes, deque[bytes]]) -> dict[str, bytes] | None:
    parts: dict[str, list[bytes]] = {}
    for part, _, key, digest in manifest["blocks"]:
        block = next((value for value in values.get(key, ()) if _digest(value) == digest), None)
        if block is None:
            return None
        parts.setdefault(part, []).append(block)
    return {part: b"".join(blocks) for part, blocks in parts.items()}


def _digest(block: bytes) -> bytes:
    return blake2b(block, digest_size=16).digest()
