"""Usual rates: what the monitor expected, by the hour of the week; not what a storm brought."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.columns import SeriesKey
from models.times import DAY_US, HOUR_US
from service.charts.codec import encode
from service.charts.compaction import MINUTE, QUARTER
from service.charts.usual_rates import learned_rates
from service.store.database import Database
from tests.service.builders import MONDAY


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "highwater.sqlite")
    yield opened
    opened.close()


def learned(database: Database, days: int, *, quarter: bool = True, hours: int = 24) -> None:
    """One series at 10 messages a window of 10 s, 60 in the hour from 09:00; it brought a hundred times as much."""
    key = SeriesKey("ACME", "to_dsp", "command", "4.8.1", "north", "", 10)
    level, step_s = (QUARTER, 900) if quarter else (MINUTE, 60)

    def write(connection) -> None:
        insert = "INSERT INTO series (user, direction, message_class, service, region, queue, window_s) VALUES (?, ?, ?, ?, ?, ?, ?)"
        number = connection.execute(insert, key).lastrowid
        for start in range(0, days * 24 if not quarter else days, 1):
            points = 96 if quarter else 60
            start_us = MONDAY + start * (DAY_US if quarter else HOUR_US)
            if not quarter and start % 24 >= hours:
                continue
            hour = (start_us + np.arange(points) * step_s * 1_000_000) // HOUR_US % 24
            samples = np.full(points, step_s / 10)
            due = np.where(hour == 9, 60.0, 10.0) * samples
            nothing = np.full(points, np.nan)
            body = encode([nothing, nothing, due * 100, samples, nothing, nothing, due])
            connection.execute("INSERT INTO chunks VALUES (?, ?, ?, ?)", (number, level, start_us, body))
        connection.execute("INSERT INTO packed_until VALUES (10, 0, 0, ?)", (MONDAY + days * DAY_US,))

    database.write(write).result(10)


@pytest.mark.parametrize("quarter", [True, False])
def test_the_usual_rate_is_what_was_expected_at_that_hour(database: Database, quarter: bool) -> None:
    learned(database, 8, quarter=quarter)
    rates = database.read(lambda connection: learned_rates(connection, lambda service: "billing" if service == "4.8.1" else None))
    (cell,) = rates.cells
    assert (cell.user, cell.process, cell.region) == ("ACME", "billing", "north")
    assert cell.at(MONDAY + 9 * HOUR_US) == pytest.approx(6)
    assert cell.at(MONDAY + 3 * DAY_US) == pytest.approx(1)
    assert rates.peak == pytest.approx(6)


def test_a_day_stands_for_the_days_that_were_not_seen(database: Database) -> None:
    learned(database, 1)
    rates = database.read(lambda connection: learned_rates(connection, lambda _: None))
    assert rates.total(MONDAY + 4 * DAY_US + 9 * HOUR_US) == pytest.approx(6)


def test_half_a_day_says_nothing_of_the_busiest_hour(database: Database) -> None:
    learned(database, 1, quarter=False, hours=12)
    assert database.read(lambda connection: learned_rates(connection, lambda _: None)).cells == ()


def test_without_a_chart_there_is_no_rate(database: Database) -> None:
    assert database.read(lambda connection: learned_rates(connection, lambda _: None)).cells == ()
