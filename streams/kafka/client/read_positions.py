"""Read positions: how far reading came in each partition, as distinct from a position that somebody set."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import aiokafka
from aiokafka.consumer import subscription_state
from faust.types import TP


class CountedState(subscription_state.TopicPartitionState):  # type: ignore[misc]  # aiokafka is not followed by mypy
    """aiokafka's state of a partition, which counts how often its position was set other than by reading."""

    times_set = 0
    """Counted before and after, because another thread may look in between."""

    def seek(self, position: int) -> None:
        """A position that the consumer or Faust asks for, such as the committed offset."""
        self.times_set += 1
        super().seek(position)
        self.times_set += 1

    def reset_to(self, position: int) -> None:
        """The first position of an assignment, or the one after the old one left the log."""
        self.times_set += 1
        super().reset_to(position)
        self.times_set += 1


class ReadPosition(NamedTuple):
    """A position and the run of reading that it belongs to."""

    offset: int
    state: Any
    """aiokafka's state of the partition: another object after each assignment."""
    times_set: int

    def is_reached_from(self, earlier: "ReadPosition") -> bool:
        """Whether only reading led here: then every record in between was returned, or there is none."""
        return self.state is earlier.state and self.times_set == earlier.times_set


def install_counted_state() -> None:
    """For all consumers of this process, from now on; only a worker's process calls this."""
    subscription_state.TopicPartitionState = CountedState


def read_positions(consumer: aiokafka.AIOKafkaConsumer, tps: Iterable[TP]) -> dict[TP, ReadPosition]:
    """Of each partition that is assigned and has a position."""
    subscription = consumer._subscription.subscription
    assignment = subscription.assignment if subscription is not None else None
    states = {tp: assignment.state_value(aiokafka.TopicPartition(*tp)) for tp in tps} if assignment is not None else {}
    return {
        tp: ReadPosition(state.position, state, state.times_set)
        for tp, state in states.items()
        if state is not None and state.has_valid_position
    }


def read_until(before: Mapping[TP, ReadPosition], after: Mapping[TP, ReadPosition]) -> dict[TP, int]:
    """Where reading came between two looks; without partitions whose position was set in between, as by a rebalance."""
    return {tp: then.offset for tp, then in after.items() if tp in before and then.is_reached_from(before[tp])}
