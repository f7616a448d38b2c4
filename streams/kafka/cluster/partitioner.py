"""Partitioners: which partition a User's telemetry goes to; the same one for both topics and for all who send to an installation."""

import zlib
from collections.abc import Callable, Mapping

from aiokafka.partitioner import murmur2

Partitioner = Callable[[bytes, int], int]
"""(key, number of partitions) → partition."""


def by_java(key: bytes, partitions: int) -> int:
    """As Java's, aiokafka's and kafka-python's producers choose."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def by_librdkafka(key: bytes, partitions: int) -> int:
    """As librdkafka's default, consistent_random, chooses."""
    return zlib.crc32(key) % partitions


PARTITIONERS: Mapping[str, Partitioner] = {"murmur2": by_java, "crc32": by_librdkafka}
