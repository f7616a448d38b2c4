"""Where a unit goes on reading, whatever became of its logs meanwhile."""

import asyncio
import logging
from typing import Any

import pytest
from aiokafka.structs import RecordMetadata, TopicPartition
from faust.types import TP

from models.clock import Clock
from streams.kafka.client.faust_transport import Batch
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.client.producer import Outbox
from streams.kafka.tasks.task import EPOCHS, epoch_after, starts
from streams.kafka.tasks.task_assignment import TaskAssignment


@pytest.mark.parametrize(
    ("position", "begin", "end", "expected"),
    [(None, 0, 9, 0), (None, 4, 9, 4), (7, 0, 9, 7), (9, 0, 9, 9), (2, 4, 9, 4)],
    ids=["nothing known", "nothing known, log cut", "as the checkpoint says", "nothing new", "retention went past it"],
)
def test_reading_goes_on_where_the_checkpoint_says_as_far_as_the_log_allows(
    position: int | None, begin: int, end: int, expected: int
) -> None:
    positions = {} if position is None else {"t": position}
    assert starts("partition-0", {"positions": positions}, {"t": begin}, {"t": end}) == {"t": expected}


def test_a_topic_that_was_made_anew_is_read_from_its_beginning_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        result = starts("partition-0", {"positions": {"rates": 50, "depths": 7}}, {"rates": 0, "depths": 0}, {"rates": 3, "depths": 9})
    assert result == {"rates": 0, "depths": 7}
    assert "topic rates was recreated" in caplog.text


@pytest.mark.parametrize(
    ("epoch", "spoken", "expected"),
    [(3 * EPOCHS, 2 * EPOCHS + 5, 3 * EPOCHS), (3 * EPOCHS, 3 * EPOCHS, 3 * EPOCHS + 1), (3 * EPOCHS, 4 * EPOCHS, 3 * EPOCHS)],
    ids=["the group has a new generation", "a static member restarted within it", "another worker has taken over since"],
)
def test_who_takes_over_speaks_under_a_later_epoch_and_never_under_that_of_a_later_generation(
    epoch: int, spoken: int, expected: int
) -> None:
    assert epoch_after(epoch, spoken) == expected


class Sender:
    """A producer whose confirmations come when the test says."""

    def __init__(self) -> None:
        self.sent: list[asyncio.Future[RecordMetadata]] = []

    async def send(self, topic: str, value: bytes, **_: object) -> "asyncio.Future[RecordMetadata]":
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


def test_who_stops_waiting_for_the_brokers_loses_sight_of_nothing() -> None:
    async def play() -> dict[str, int]:
        sender = Sender()
        outbox = Outbox(sender)  # type: ignore[arg-type]  # the one method that it calls
        await outbox.send([OutputRecord("t", None, b"1"), OutputRecord("t", None, b"2")])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(outbox.confirmed(), 0.01)
        assert not any(sent.cancelled() for sent in sender.sent)
        for offset, sent in enumerate(sender.sent):
            sent.set_result(RecordMetadata("t", 0, TopicPartition("t", 0), offset, 0, 0, 0))
        await outbox.confirmed()
        return outbox.last_offsets

    assert asyncio.run(play()) == {"t": 1}


def test_what_was_fetched_for_a_unit_that_began_again_since_is_left_to_be_read_anew() -> None:
    class Position:
        epoch, ready, active = 8, True, True

        def __init__(self) -> None:
            self.records: list[Any] = []
            self.backlog, self.taken = {"rates": 0}, dict[TP, int]()

        def take(self, _: str, records: list[Any], end: int) -> None:
            self.records += records

        async def process(self) -> None:
            return

    tp, unit = TP("rates", 0), Position()
    assignment = TaskAssignment(lambda: None, ["rates"], lambda fault: None, Clock())  # type: ignore[arg-type,return-value]  # nothing is opened
    assignment._by_input[tp] = unit  # type: ignore[assignment]  # what `take` asks of it
    asyncio.run(assignment.take(Batch(tp, ["old"], 0, 1, 7)))
    assert unit.records == []
    asyncio.run(assignment.take(Batch(tp, ["new"], 0, 1, assignment.epoch(tp))))
    assert unit.records == ["new"]
