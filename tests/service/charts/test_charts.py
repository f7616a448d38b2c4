"""Charts: a peak never averages away, packing changes nothing that is seen, old samples go level by level."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.columns import SeriesKey
from models.times import DAY_US, HOUR_US, format_time
from service.access import Principal, Role
from service.charts import compaction, queries
from service.charts.codec import decode, encode
from service.charts.compaction import MINUTE, QUARTER, RAW, Keep, coarser, rollup
from service.charts.recorder import QUEUES, TRAFFIC, Recorder, Tick
from service.operations.periodic_jobs import pack_what_is_due
from service.store.database import Database
from tests.service.builders import MONDAY, lines, queue, traffic
from tests.service.house import House

DESK = Principal("t", "t", Role.TRIAGE)
KEEP = Keep()


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "highwater.sqlite")
    yield opened
    opened.close()


def key(user: str, window_s: int = 10, queue_name: str = "") -> SeriesKey:
    return SeriesKey(user, "" if queue_name else "to_dsp", "" if queue_name else "command", "", "", queue_name, window_s)


def record(database: Database, recorder: Recorder, keys: tuple[SeriesKey, ...], at_us: int, *columns: Any, queues: int = TRAFFIC) -> None:
    tick = Tick(keys[0].window_s, queues, at_us, keys, encode([np.asarray(column, float) for column in columns]))
    database.write(lambda connection: recorder.record(connection, tick)).result(10)


def chart(
    database: Database, user: str = "ACME", *, start: int = MONDAY, hours: float = 24, points: int = 5000, keep: Keep = KEEP
) -> dict[str, Any]:
    def ask(connection: Any) -> dict[str, Any]:
        (series,) = queries.matching(connection, DESK, {"user": user}, 0, 10)
        (series_chart,) = queries.charts(connection, [series], start, start + int(hours * HOUR_US), points, keep)
        return series_chart

    return database.read(ask)


values = st.one_of(st.just(float("nan")), st.integers(0, 10**12).map(float), st.floats(0, 1e6, width=32))


@given(st.lists(st.lists(values, min_size=5, max_size=5), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_samples_come_back_as_they_were(columns: list[list[float]]) -> None:
    given_columns = [np.array(column) for column in columns]
    for before, after in zip(given_columns, decode(encode(given_columns)), strict=True):
        assert (np.isnan(before) == np.isnan(after)).all()
        known = ~np.isnan(before)
        assert np.allclose(before[known], after[known], rtol=1e-6, atol=0)
        whole = known & (before == np.floor(before)) & bool((before[known] == np.floor(before[known])).all())
        assert (before[whole] == after[whole]).all()


@given(st.lists(st.one_of(st.none(), st.integers(0, 10_000)), min_size=12, max_size=120), st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_a_roll_up_keeps_lowest_highest_sum_count_and_last(samples: list[int | None], per_bucket: int) -> None:
    row = np.array([[np.nan if one is None else one for one in samples]], float)
    bucket = np.arange(row.shape[1]) // per_bucket
    low, high, total, count, last, _, _ = rollup(row, row, np.zeros_like(row), bucket, int(bucket[-1]) + 1)
    for number in range(int(bucket[-1]) + 1):
        inside = [one for one in samples[number * per_bucket : (number + 1) * per_bucket] if one is not None]
        if not inside:
            assert np.isnan(count[0, number])
            continue
        assert (low[0, number], high[0, number], total[0, number]) == (min(inside), max(inside), sum(inside))
        assert (count[0, number], last[0, number]) == (len(inside), inside[-1])


def test_coarser_points_of_coarser_points_are_the_same_as_at_once() -> None:
    rng = np.random.default_rng(1)
    fine = np.array([rng.integers(0, 100, 60).astype(float) for _ in range(7)])
    fine[3] = 1.0
    fine[:, 17:29] = np.nan
    assert np.array_equal(coarser(coarser(fine, 3), 5), coarser(fine, 15), equal_nan=True)


def test_packing_by_the_hour_changes_nothing_that_a_reader_sees(database: Database) -> None:
    recorder, rng = Recorder(), np.random.default_rng(2)
    keys = (key("ACME"), key("BOLT"))
    for step in range(1, 500):
        messages = rng.integers(0, 100, 2).astype(float)
        messages[1] = np.nan if step % 7 == 0 else messages[1]
        record(database, recorder, keys, MONDAY + step * 10_000_000, messages, messages // 10, [50.0, 50.0])
    before = [chart(database, user) for user in ("ACME", "BOLT")]
    pack_what_is_due(database, KEEP)
    assert database.read(lambda connection: connection.execute("SELECT count(*) FROM ticks").fetchone()[0]) == 499 - 360
    assert [chart(database, user) for user in ("ACME", "BOLT")] == before
    assert len(before[0]["points"]) == 499


def test_an_hour_that_is_being_packed_is_seen_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    for step in range(1, 500):
        record(database, recorder, (key("ACME"),), MONDAY + step * 10_000_000, [float(step)], [0.0], [1.0])
    before = chart(database)
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_packed", lambda *_: None)
        compaction.pack_hour(database, 10, TRAFFIC, MONDAY)
    assert database.read(lambda connection: connection.execute("SELECT count(*) FROM chunks").fetchone()[0]) == 2
    assert chart(database) == before


def test_a_years_chart_shows_its_last_day_too(database: Database) -> None:
    recorder = Recorder()
    for hour in range(24 * 3 + 5):
        record(database, recorder, (key("ACME"),), MONDAY + hour * HOUR_US + 10_000_000, [float(hour)], [0.0], [1.0])
    pack_what_is_due(database, KEEP)
    days = database.read(
        lambda connection: connection.execute("SELECT max(start_us) FROM chunks WHERE level = ?", (QUARTER,)).fetchone()[0]
    )
    assert days < MONDAY + 3 * DAY_US
    series_chart = chart(database, hours=24 * 4, keep=Keep(raw_us=0, minute_us=0))
    assert [point[1] for point in series_chart["points"]] == list(range(24 * 3 + 5))


def test_a_replay_does_not_bring_back_what_is_packed(database: Database) -> None:
    recorder = Recorder()
    for step in range(1, 500):
        record(database, recorder, (key("ACME"),), MONDAY + step * 10_000_000, [1.0], [0.0], [1.0])
    pack_what_is_due(database, KEEP)
    seen = chart(database)
    for again in (recorder, Recorder()):
        for step in range(1, 500):
            record(database, again, (key("ACME"),), MONDAY + step * 10_000_000, [1.0], [0.0], [1.0])
    assert chart(database) == seen


def test_a_storm_of_one_window_is_seen_at_every_resolution(database: Database) -> None:
    recorder = Recorder()
    peak = MONDAY + 5 * HOUR_US + 70_000_000
    for at_us in range(MONDAY + 10_000_000, MONDAY + 30 * HOUR_US, 60_000_000):
        record(database, recorder, (key("ACME"),), at_us, [10.0], [0.0], [10.0])
    record(database, recorder, (key("ACME"),), peak, [99_999.0], [5.0], [10.0])
    pack_what_is_due(database, KEEP)
    for keep in (KEEP, Keep(raw_us=0), Keep(raw_us=0, minute_us=0)):
        for points in (5000, 100, 3, 1):
            series_chart = chart(database, points=points, keep=keep)
            assert max(point[2] for point in series_chart["points"]) == 99_999, (keep, points)
            assert min(point[1] for point in series_chart["points"]) == 10
            assert len(series_chart["points"]) <= points


def test_levels_go_as_they_get_old(database: Database) -> None:
    recorder = Recorder()
    for hour in range(24 * 4):
        record(database, recorder, (key("ACME"),), MONDAY + hour * HOUR_US + 10_000_000, [1.0], [0.0], [1.0])
    keep = Keep(raw_us=DAY_US, minute_us=2 * DAY_US, quarter_us=400 * DAY_US)
    pack_what_is_due(database, keep)

    def oldest(level: int) -> int:
        return database.read(
            lambda connection: connection.execute("SELECT min(start_us) FROM chunks WHERE level = ?", (level,)).fetchone()[0]
        )

    assert oldest(RAW) > MONDAY + 2 * DAY_US
    assert MONDAY + DAY_US < oldest(MINUTE) < oldest(RAW)
    assert oldest(QUARTER) == MONDAY
    assert len(chart(database, hours=24, keep=keep)["points"]) == 24


def test_series_that_come_later_keep_the_places_of_the_others(database: Database) -> None:
    recorder = Recorder()
    record(database, recorder, (key("BOLT"),), MONDAY + 10_000_000, [7.0], [0.0], [1.0])
    record(database, recorder, (key("ACME"), key("BOLT")), MONDAY + 20_000_000, [1.0, 8.0], [0.0, 0.0], [1.0, 1.0])
    assert [point[3] for point in chart(database, "BOLT")["points"]] == [7, 8]
    assert [point[3] for point in chart(database, "ACME")["points"]] == [1]


def test_queues_tell_depth_and_age_and_traffic_tells_what_was_expected(house: House) -> None:
    events = [
        make(second)
        for second in range(10, 300, 10)
        for make in (lambda second: queue(second, depth=second, oldest_age_s=second / 2), traffic)
    ]
    assert house.client("ingest").post("/v1/events", content=lines(*events)).status_code == 202
    house.judged()
    page = house.client("observer").get("/v1/series?user=ACME").json()
    assert [item["unit"] for item in page["items"]] == ["messages", "depth"] or {item["unit"] for item in page["items"]} == {
        "messages",
        "depth",
    }
    depth = next(item for item in page["items"] if item["unit"] == "depth")
    assert depth["columns"] == ["at", "low", "high", "mean", "last", "oldest_age_s", "expected"]
    assert depth["points"][0] == ["2026-01-05T00:00:10Z", 10, 10, 10, 10, 5, None]
    assert page["to"] == format_time(MONDAY + 260_000_000)
    names = house.client("observer").get("/v1/series/names?kind=queue").json()["items"]
    assert [one["series"]["queue"] for one in names] == ["to_user"]


@pytest.mark.parametrize(
    "query", ["from=2026-01-05T02:00:00Z&to=2026-01-05T01:00:00Z", "points=0", "direction=up", "kind=other", "from=x", "limit=1001"]
)
def test_a_chart_that_makes_no_sense_is_a_problem(house: House, query: str) -> None:
    house.client("ingest").post("/v1/events", content=lines(queue(10), queue(100)))
    house.judged()
    assert house.client("observer").get(f"/v1/series?{query}").status_code == 422


def test_the_cube_of_an_hour_with_an_odd_window_length(database: Database) -> None:
    recorder = Recorder()
    for step in range(1, 800):
        record(database, recorder, (key("ACME", 7),), (MONDAY // 7_000_000 + step) * 7_000_000, [float(step)], [0.0], [1.0])
    before = chart(database)
    pack_what_is_due(database, KEEP)
    assert chart(database) == before


def test_queue_ticks_are_packed_apart_from_traffic(database: Database) -> None:
    recorder = Recorder()
    for step in range(1, 500):
        record(database, recorder, (key("ACME", 10, "to_user"),), MONDAY + step * 10_000_000, [1.0], [2.0], [np.nan], queues=QUEUES)
    assert [item[1] for item in database.read(compaction.due)] == [QUEUES]
    pack_what_is_due(database, KEEP)
    assert len(chart(database)["points"]) == 499
