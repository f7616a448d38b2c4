"""Draws the dashboards: `python -m config.grafana.preview` starts everything it needs; with ADDRESS END it uses an existing Prometheus.

`python -m config.grafana.preview http://localhost:9090 2026-01-07T00:00:00Z` shows the 24 hours up to then.
"""

import sys
import tempfile
from pathlib import Path

from config.grafana.boards import highwater_itself, incident_records, incidents, queues, traffic
from config.grafana.preview.answers import Sources, Span
from config.grafana.preview.pages import picture
from config.grafana.preview.staging import history, live
from models.errors import HighwaterError
from models.times import SECOND_US, parse_time

OF_A_DAY = (queues.BOARD, traffic.BOARD, incidents.BOARD)
DAY_S = 86_400
OF_A_PROCESS = (highwater_itself.BOARD, incident_records.BOARD)
"""A day that was read from files has no process to show, and no API."""


def everything() -> None:
    """Every dashboard."""
    with tempfile.TemporaryDirectory() as folder:
        with history(Path(folder)) as (sources, span):
            for board in OF_A_DAY:
                picture(sources, board.json(), span)
        with live(Path(folder)) as (sources, span):
            for board in OF_A_PROCESS:
                picture(sources, board.json(), span)


def given(address: str, until: str) -> None:
    """The dashboards that need Prometheus only."""
    to_s = parse_time(until) / SECOND_US
    for board in (*OF_A_DAY, highwater_itself.BOARD):
        picture(Sources(address), board.json(), Span(to_s - DAY_S, to_s))


if __name__ == "__main__":
    try:
        if len(sys.argv) == 3:
            given(*sys.argv[1:])
        elif len(sys.argv) == 1:
            everything()
        else:
            sys.exit("give no argument, or the address of a Prometheus and the end of the 24 hours to show")
    except HighwaterError as fault:
        sys.exit(f"preview: {fault}")
