"""Every private name of Faust and aiokafka that the transport stands on; a release that changes one fails here first."""

import asyncio
import inspect
import struct
from importlib.metadata import version

import aiokafka
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher, subscription_state
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from faust.transport import consumer as base
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.kafka.client.faust_transport import BatchConsumer, BatchThread, BatchTransport, FastPartitionRecords
from streams.kafka.client.read_positions import CountedState, ReadPosition, read_until


def _arguments(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]  # anything callable


def test_the_versions_are_those_that_these_names_were_read_in() -> None:
    assert (version("faust-streaming"), version("aiokafka").split(".")[:2]) == ("0.15.3", ["0", "14"])


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (base.ThreadDelegateConsumer, "_getmany", ["self", "active_partitions", "timeout"]),
        (driver.Consumer, "_to_message", ["self", "tp", "record"]),
        (driver.Consumer, "_new_consumer_thread", ["self"]),
        (base.Consumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
        (base.Consumer, "_new_offset", ["self", "tp"]),
        (base.Consumer, "on_partitions_revoked", ["self", "revoked"]),
        (base.Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
        (base.ThreadDelegateConsumer, "seek_wait", ["self", "partitions"]),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (driver.AIOKafkaConsumerThread, "_commit", ["self", "offsets"]),
        (driver.AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
        (driver.AIOKafkaConsumerThread, "highwater", ["self", "tp"]),
        (aiokafka.AIOKafkaConsumer, "last_stable_offset", ["self", "partition"]),
        (fetcher.PartitionRecords, "_consume_aborted_up_to", ["self", "batch_offset"]),
        (fetcher.PartitionRecords, "_contains_abort_marker", ["self", "next_batch"]),
        (fetcher.PartitionRecords, "_unpack_records", ["self"]),
    ],
)
def test_a_name_that_the_transport_overrides_or_calls_keeps_its_arguments(owner: type, name: str, arguments: list[str]) -> None:
    assert _arguments(getattr(owner, name)) == arguments


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BatchConsumer, driver.Consumer),
        (BatchThread, driver.AIOKafkaConsumerThread),
        (BatchTransport, driver.Transport),
        (FastPartitionRecords, fetcher.PartitionRecords),
    ],
)
def test_whatever_is_overridden_exists_there(ours: type, theirs: type) -> None:
    added = {
        "intake",
        "commit_failures",
        "_accepted",
        "_abc_impl",
        "_records_left",
        "_left",
        "_behind",
        "_is_left_out",
        "next_fetch_offset",
        "positions",
        "_log_start",
    }
    overridden = {name for name in vars(ours) if not name.startswith("__")} - added
    assert {name for name in overridden if not hasattr(theirs, name)} == set()


def test_fetched_batches_reach_the_callback_through_getmany_and_to_message() -> None:
    source = inspect.getsource(base.Consumer.getmany)
    assert "_wait_next_records" in source
    assert "to_message(tp, record)" in source
    assert "self._getmany(" in inspect.getsource(base.Consumer._wait_next_records)


def test_only_reading_moves_a_position_to_what_was_read() -> None:
    async def looked_at() -> None:
        tp, state = TP("t", 0), CountedState(None)
        state.reset_to(5)
        before = {tp: ReadPosition(state.position, state, state.times_set)}
        state.consumed_to(9)
        assert read_until(before, {tp: ReadPosition(state.position, state, state.times_set)}) == {tp: 9}
        state.seek(1240)
        assert state.times_set % 2 == 0, "even while nobody is setting it"
        assert read_until(before, {tp: ReadPosition(state.position, state, state.times_set)}) == {}
        reassigned = CountedState(None)
        reassigned.reset_to(1240)
        assert read_until(before, {tp: ReadPosition(reassigned.position, reassigned, reassigned.times_set)}) == {}

    asyncio.run(looked_at())
    assert "TopicPartitionState(self)" in inspect.getsource(subscription_state.Assignment)


def test_commits_ask_which_partitions_and_how_far() -> None:
    assert "self._filter_tps_with_pending_acks(topics)" in inspect.getsource(base.Consumer.force_commit)
    assert "self._new_offset(tp)" in inspect.getsource(base.Consumer._filter_committable_offsets)


def test_a_topic_without_acks_keeps_no_gaps() -> None:
    assert "acks_enabled_for(message.topic)" in inspect.getsource(base.Consumer._drain_messages)
    assert "channel.acks" in inspect.getsource(Conductor._update_indices)


def test_the_assignor_is_taken_when_the_consumer_starts() -> None:
    assert "assignors=self._partition_assignment_strategy" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


def test_a_fetch_of_some_partitions_leaves_the_others_in_their_buffers() -> None:
    assert "if partitions and tp not in partitions" in inspect.getsource(Fetcher.fetched_records)


def test_the_fetcher_makes_its_records_through_the_name_that_is_replaced() -> None:
    assert "PartitionRecords(" in inspect.getsource(Fetcher._proc_fetch_request)
    assert "for msg in self._partition_records" in inspect.getsource(fetcher.FetchResult.getall)
    assert "self._partition_records.next_fetch_offset" in inspect.getsource(fetcher.FetchResult._update_position)
    assert "self._records_iterator = self._unpack_records()" in inspect.getsource(fetcher.PartitionRecords.__init__)


@pytest.mark.parametrize("begin", [0, 3, 4])
def test_records_that_are_handed_on_as_parsed_are_those_that_aiokafka_makes(begin: int) -> None:
    log = b"".join(_batch(first, count) for first, count in ((0, 5), (5, 1), (6, 9)))
    index = TopicPartition("t", 0)
    ours, theirs = (
        kind(index, MemoryRecords(log), [], begin, None, None, True, 0) for kind in (FastPartitionRecords, fetcher.PartitionRecords)
    )
    listed = []
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.offset, mine.key, mine.value) == (other.offset, other.key, other.value)
        assert ours.next_fetch_offset == theirs.next_fetch_offset == mine.offset + 1
        listed.append(mine.offset)
    assert listed == list(range(begin, 15))
    assert ours.next_fetch_offset == 15


def test_what_a_producer_aborted_is_left_out_as_aiokafka_leaves_it_out() -> None:
    log = b"".join((_batch(0, 3), _batch(3, 4, producer=7), _batch(7, 2, producer=8), _marker(9, 7, committed=False), _marker(10, 8)))
    log += _batch(11, 1, producer=7) + _marker(12, 7) + _batch(13, 2)
    index = TopicPartition("t", 0)
    kinds = (FastPartitionRecords, fetcher.PartitionRecords)
    ours, theirs = (
        kind(index, MemoryRecords(log), [(7, 3)], 0, None, None, True, fetcher.READ_COMMITTED)  # check_crcs
        for kind in kinds
    )
    assert [record.offset for record in ours] == [record.offset for record in theirs] == [0, 1, 2, 7, 8, 11, 13, 14]
    assert ours.next_fetch_offset == theirs.next_fetch_offset == 15


def test_a_log_that_ends_with_a_marker_is_read_to_behind_it() -> None:
    log = _batch(0, 3, producer=7) + _marker(3, 7)
    records = FastPartitionRecords(TopicPartition("t", 0), MemoryRecords(log), [], 0, None, None, True, fetcher.READ_COMMITTED)
    assert [record.offset for record in records] == [0, 1, 2]
    assert records.next_fetch_offset == 4


def test_the_isolation_level_and_the_position_are_where_the_transport_sets_and_reads_them() -> None:
    assert "self._isolation_level = isolation_level" in inspect.getsource(aiokafka.AIOKafkaConsumer.__init__)
    assert "isolation_level=self._isolation_level" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    assert "self._subscription.subscription.assignment" in inspect.getsource(aiokafka.AIOKafkaConsumer.last_stable_offset)
    assert {"position", "has_valid_position"} <= set(dir(TopicPartitionState))


def _marker(offset: int, producer: int, *, committed: bool = True) -> bytes:
    """The control record that ends a transaction."""
    log = bytearray(_batch(offset, 1, producer=producer, key=struct.pack(">hh", 0, int(committed))))
    log[22] |= 0x20  # attributes, low byte: a control batch
    struct.pack_into(">I", log, 17, calc_crc32c(bytes(log[21:])))
    return bytes(log)


def _batch(first: int, count: int, *, producer: int = -1, key: bytes = b"key") -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=producer >= 0,
        producer_id=producer,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 16,
    )
    for number in range(count):
        builder.append(number, 1_767_571_200_000, key, b"value %d" % (first + number), [])
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]
