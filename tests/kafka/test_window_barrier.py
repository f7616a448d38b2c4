"""The gate delivers every window once and whole, whatever the paces of the two topics and whoever takes over."""

import random
from itertools import pairwise

import numpy as np
import pytest

from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import SECOND_US
from streams.kafka.cluster.topic_admin import LARGEST_RECORD
from streams.kafka.exchange.stage_records import KeyEncoder, PartitionProgress, pack_findings, pack_pulses, split_by_size
from streams.kafka.exchange.window_barrier import WindowBarrier

WINDOW_US = 10 * SECOND_US


def detected(number: int) -> Detected:
    at_us = number * WINDOW_US
    key = SeriesKey("SUP-01", "to_dsp", "command", "", "", "", 10)
    one = np.ones(1)
    pulse = Pulse(at_us, 10, (PulseKey(*key[:5]),), one > 0, one * number, one, one, one)
    queues = QueuePulse(at_us, 10, (), np.zeros(0, bool), np.zeros(0), np.zeros(0))
    return Detected(at_us, 10, (key,), (), Findings.none(), Findings.none(), pulse, queues)


class Owner:
    """One that tells of windows of partition 0 in both topics."""

    def __init__(self, generation: int, covers: tuple[int, int] = (-1, -1)) -> None:
        self._generation, self._covers = generation, covers
        self._tables, self._sequence = KeyEncoder(), 0

    @property
    def mark(self) -> tuple[int, int]:
        return self._generation, self._sequence - 1

    def renew(self) -> None:
        self._tables.renew()

    def publish(self, *windows: int, until: int) -> tuple[tuple[PartitionProgress, bytes], tuple[tuple[int, int], bytes] | None]:
        progress = PartitionProgress(0, self._generation, self._sequence, {}, until * WINDOW_US, 0, covers=self._covers)
        self._sequence += 1
        made = [detected(number) for number in windows]
        if not made:
            return (progress, b""), None
        return (progress, pack_findings(made, self._tables)), (self.mark, pack_pulses(made, self._tables))


def delivered(barrier: WindowBarrier) -> list[int]:
    return [at_us // WINDOW_US for at_us, parts in barrier.deliver() if parts]


def test_what_a_checkpoint_covers_is_delivered_though_its_pulses_are_read_after_the_take_over() -> None:
    barrier, first = WindowBarrier(1), Owner(1)
    (progress, findings), pulses = first.publish(1, 2, until=2)
    assert pulses is not None
    barrier.add_findings(progress, findings, 0)
    claim, _ = Owner(2, first.mark).publish(until=2)
    barrier.add_findings(*claim, 1)
    assert delivered(barrier) == []
    barrier.add_pulses(0, *pulses, 0)
    assert delivered(barrier) == [1, 2]


def test_what_no_checkpoint_covers_is_reported_again_and_counts_once() -> None:
    barrier, first = WindowBarrier(1), Owner(1)
    (progress, findings), pulses = first.publish(1, 2, until=2)
    barrier.add_findings(progress, findings, 0)
    second = Owner(2)
    claim, _ = second.publish(until=0)
    barrier.add_findings(*claim, 1)
    assert pulses is not None
    barrier.add_pulses(0, *pulses, 0)
    assert delivered(barrier) == []
    again, its_pulses = second.publish(1, 2, 3, until=3)
    assert its_pulses is not None
    barrier.add_pulses(0, *its_pulses, 1)
    barrier.add_findings(*again, 2)
    assert delivered(barrier) == [1, 2, 3]


def test_a_log_that_begins_behind_its_series_costs_the_windows_until_they_are_named_again() -> None:
    barrier, owner = WindowBarrier(1), Owner(1)
    owner.publish(1, until=1)
    for number, renewed in ((2, False), (3, True), (4, False)):
        if renewed:
            owner.renew()
        result, pulses = owner.publish(number, until=number)
        assert pulses is not None
        barrier.add_findings(*result, number)
        barrier.add_pulses(0, *pulses, number)
        assert delivered(barrier) == ([] if number == 2 else [number])


@pytest.mark.parametrize("seed", range(40))
def test_any_paces_take_overs_and_restarts_deliver_every_window_once(seed: int) -> None:
    dice = random.Random(seed)
    owner, window, saved = Owner(1), 0, (0, (-1, -1))
    findings: list[tuple[PartitionProgress, bytes]] = []
    pulses: list[tuple[tuple[int, int], bytes]] = []
    while window < 40:
        if dice.random() < 0.15:
            owner = Owner(owner.mark[0] + 1, saved[1])
            window = saved[0]
            findings.append(owner.publish(until=window)[0])
        upto = window + dice.randrange(1, 4)
        result, its_pulses = owner.publish(*range(window + 1, upto + 1), until=upto)
        findings.append(result)
        # Whoever dies may have sent the first half only; what a checkpoint covers is whole.
        if dice.random() < 0.8 or window + 4 >= 40:
            if its_pulses is not None:
                pulses.append(its_pulses)
            window = upto
            if dice.random() < 0.4:
                saved = (window, owner.mark)
        else:
            owner = Owner(owner.mark[0] + 1, saved[1])
            window = saved[0]
            findings.append(owner.publish(until=window)[0])
    assert read(findings, pulses, dice) == list(range(1, window + 1))


def closing(at_us: int, window_s: int, series: int) -> Detected:
    key, many = SeriesKey("SUP-01", "to_dsp", "command", "", "", "", window_s), np.ones(series)
    pulse = Pulse(at_us, window_s, (PulseKey(*key[:5]),) * series, many > 0, many, many, many, many)
    queues = QueuePulse(at_us, window_s, (), np.zeros(0, bool), np.zeros(0), np.zeros(0))
    return Detected(at_us, window_s, (key,) * series, (), Findings.none(), Findings.none(), pulse, queues)


@pytest.mark.parametrize(("series", "records"), [(1, 1), (2_000, 2), (70_000, 39)])
def test_however_many_windows_close_at_once_no_record_is_too_large(series: int, records: int) -> None:
    """A worker that catches up closes hundreds; a broker refuses what is larger than it may be, and would refuse it for ever."""
    listed = [closing(at * WINDOW_US, window_s, series) for at in range(1, 40) for window_s in (10, 60) if window_s == 10 or at % 6 == 0]
    parts = split_by_size(listed)
    tables = KeyEncoder()
    assert [each for part in parts for each in part] == listed
    assert max(len(pack_pulses(part, tables)) for part in parts) < LARGEST_RECORD
    ends = [{each.at_us for each in part} for part in parts]
    assert all(max(one) < min(two) for one, two in pairwise(ends)), "what closes at one time is told at once: the frontier is behind it"
    assert len(parts) == records


def test_no_windows_are_no_portion() -> None:
    assert split_by_size([]) == []


def read(findings: list[tuple[PartitionProgress, bytes]], pulses: list[tuple[tuple[int, int], bytes]], dice: random.Random) -> list[int]:
    barrier, at, next_pulse = WindowBarrier(1), 0, 0
    listed: list[int] = []
    while at < len(findings) or next_pulse < len(pulses):
        if at < len(findings) and (next_pulse == len(pulses) or dice.random() < 0.6):
            barrier.add_findings(*findings[at], at)
            at += 1
        else:
            barrier.add_pulses(0, *pulses[next_pulse], next_pulse)
            next_pulse += 1
        listed += delivered(barrier)
        if dice.random() < 0.1:
            at, next_pulse = barrier.resume(at, next_pulse)
            barrier = WindowBarrier.unpack(barrier.pack())
    return listed
