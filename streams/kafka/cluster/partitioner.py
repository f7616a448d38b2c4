"""Partitioners: select the partition of a User's telemetry, the same for both topics and for all senders of an installation."""

import zlib
from collections.abc import Callable, Mapping

from aiokafka.partitioner import murmur2

Partitioner = Callable[[bytes, int], int]
"""(key, number of partitions) → partition."""


def by_java(key: bytes, partitions: int) -> int:
    """The choice of Java's, aiokafka's and kafka-python's producers."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def by_librdkafka(key: bytes, partitions: int) -> int:
    """The choice of librdkafka's default, consistent_random."""
    return zlib.crc32(key) % partitions


PARTITIONERS: Mapping[str, Partitioner] = {"murmur2": by_java, "crc32": by_librdkafka}
