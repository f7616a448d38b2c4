"""Times at the ends of the calendar in a request: answered like any other, whatever is counted from them."""

import pytest

from tests.service.builders import lines, queue
from tests.service.house import House

SPANS = (
    "from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z",
    "from=9999-12-31T00:00:00Z&to=9999-12-31T23:59:59.999999Z",
    "to=0001-01-01T00:00:00Z",
    "to=9999-12-31T23:59:59Z",
    "since=0001-01-01T00:00:00%2B23:59",
    "since=9999-12-31T23:59:59-23:59",
)
PATHS = ("/v1/series/heat", "/v1/series", "/v1/series/totals", "/v1/calendar", "/v1/changes", "/v1/alerts", "/v1/change-reports")


@pytest.mark.parametrize("path", PATHS)
def test_a_span_at_the_end_of_time_is_answered(house: House, path: str) -> None:
    assert house.client("ingest").post("/v1/events", content=lines(queue(10), queue(100))).status_code == 202
    house.judged()
    for span in SPANS:
        assert house.client("user:ACME").get(f"{path}?{span}").status_code in (200, 422), span
