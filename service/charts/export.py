"""Export: the past of a monitor, as far as its data file still has every sample, replayed hour by hour."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.alert import Alert
from models.canonical_json import decode as record
from models.change import Change
from models.change_report import ChangeReport
from models.columns import Detected, Findings, Floats, Pulse, PulseKey, QueuePulse, SeriesKey
from models.errors import UnreadableInput
from models.incident import Incident
from models.times import HOUR_US, SECOND_US
from service.access import DESK
from service.charts import findings
from service.charts.codec import decode
from service.charts.compaction import RAW, first_sample_us
from service.charts.findings import Part
from service.charts.recorder import WIDTH, layout_ids
from service.store.records import ALERT, CHANGE, INCIDENT, REPORT
from streams.flow import FlowStep

Sample = tuple[tuple[SeriesKey, ...], Floats]
"""Series, and (WIDTH, series): NaN where one did not report."""
_NOTHING: Sample = ((), np.zeros((WIDTH, 0)))
_NO_FINDINGS: tuple[Part, Part] = ((Findings.none(), ()), (Findings.none(), ()))


def recorded_hours(folder: Path) -> Iterator[FlowStep]:
    """Every hour with unchanged samples (`serve.raw_hours`). Raises UnreadableInput if there is no data file."""
    with closing(_opened(folder)) as connection:
        keys = {
            number: SeriesKey(*fields)
            for number, *fields in connection.execute(
                "SELECT id, user, direction, message_class, service, region, queue, window_s FROM series"
            )
        }
        packed = connection.execute("SELECT DISTINCT start_us FROM chunks WHERE level = ?", (RAW,)).fetchall()
        live = connection.execute("SELECT DISTINCT (at_us - 1) / ? FROM ticks", (HOUR_US,)).fetchall()
        for start_us in sorted({start for (start,) in packed} | {number * HOUR_US for (number,) in live}):
            yield _hour(connection, keys, start_us)


def changes_of(folder: Path) -> list[Change]:
    """Every declared change, in its last revision."""
    with closing(_opened(folder)) as connection:
        rows = connection.execute(
            "SELECT body FROM standing JOIN records USING (seq) WHERE standing.kind = ? AND standing.audience = ?", (CHANGE, DESK)
        )
        return [record(Change, body) for (body,) in rows]


def _opened(folder: Path) -> sqlite3.Connection:
    path = folder / "highwater.sqlite"
    if not path.is_file():
        raise UnreadableInput(f"{folder} is not a data folder of a monitor: there is no {path.name} in it")
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _hour(connection: sqlite3.Connection, keys: dict[int, SeriesKey], start_us: int) -> FlowStep:
    samples: dict[tuple[int, int, bool], Sample] = {}
    _packed(connection, keys, start_us, samples)
    _live(connection, keys, start_us, samples)
    detected: list[Detected] = []
    open_findings = findings.read(connection, start_us, start_us + HOUR_US)
    for at_us, window_s in sorted({(at_us, window_s) for at_us, window_s, _ in samples} | set(open_findings)):
        traffic = samples.get((at_us, window_s, False), _NOTHING)
        queues = samples.get((at_us, window_s, True), _NOTHING)
        detected.append(_detected(at_us, window_s, traffic, queues, open_findings.get((at_us, window_s), _NO_FINDINGS)))
    bodies: dict[str, list[bytes]] = {ALERT: [], INCIDENT: [], REPORT: []}
    for kind, body in connection.execute(
        "SELECT kind, body FROM records WHERE audience = ? AND as_of_us > ? AND as_of_us <= ? ORDER BY seq",
        (DESK, start_us, start_us + HOUR_US),
    ):
        if kind in bodies:
            bodies[kind].append(body)
    return FlowStep(
        alerts=tuple(record(Alert, body) for body in bodies[ALERT]),
        incidents=tuple(record(Incident, body) for body in bodies[INCIDENT]),
        reports=tuple(record(ChangeReport, body) for body in bodies[REPORT]),
        detected=detected,
    )


def _packed(
    connection: sqlite3.Connection, keys: dict[int, SeriesKey], start_us: int, samples: dict[tuple[int, int, bool], Sample]
) -> None:
    blocks: dict[tuple[int, bool], list[tuple[SeriesKey, Floats]]] = {}
    for number, body in connection.execute("SELECT series, body FROM chunks WHERE level = ? AND start_us = ?", (RAW, start_us)):
        key = keys[number]
        blocks.setdefault((key.window_s, key.is_queue), []).append((key, np.array(decode(body))))
    for (window_s, is_queue), block in blocks.items():
        block.sort(key=lambda part: part[0])
        names, cube = tuple(key for key, _ in block), np.array([values for _, values in block])
        for column in range(cube.shape[2]):
            at_us = first_sample_us(start_us, window_s) + column * window_s * SECOND_US
            samples[at_us, window_s, is_queue] = (names, cube[:, :, column].T)


def _live(connection: sqlite3.Connection, keys: dict[int, SeriesKey], start_us: int, samples: dict[tuple[int, int, bool], Sample]) -> None:
    layouts = {
        number: tuple(keys[int(one)] for one in layout_ids(blob)) for number, blob in connection.execute("SELECT id, series FROM layouts")
    }
    for window_s, queues, at_us, layout, body in connection.execute(
        "SELECT window_s, queues, at_us, layout, body FROM ticks WHERE at_us > ? AND at_us <= ?", (start_us, start_us + HOUR_US)
    ):
        samples[at_us, window_s, bool(queues)] = (layouts[layout], np.array(decode(body)))


def _detected(at_us: int, window_s: int, traffic: Sample, queues: Sample, parts: tuple[Part, Part]) -> Detected:
    keys, (observed, failed, expected) = traffic
    reported = ~np.isnan(observed)
    groups = tuple(PulseKey(*key[:5]) for key in keys)
    # Its dispersion is not stored; a Poisson count has the minimum.
    due = np.nan_to_num(expected)
    pulse = Pulse(at_us, window_s, groups, reported, np.nan_to_num(observed), np.nan_to_num(failed), due, due)
    queue_keys, (depth, oldest_age_s, _) = queues
    queue_pulse = QueuePulse(at_us, window_s, queue_keys, ~np.isnan(depth), np.nan_to_num(depth), oldest_age_s)
    of_traffic, of_queues = _placed(parts[0], keys), _placed(parts[1], queue_keys)
    return Detected(at_us, window_s, of_traffic[1], of_queues[1], of_traffic[0], of_queues[0], pulse, queue_pulse)


def _placed(part: Part, keys: tuple[SeriesKey, ...]) -> Part:
    """Findings with indexes into `keys`; a series that did not report in this hour is appended."""
    findings, own = part
    if not own:
        return findings, keys
    column = {key: number for number, key in enumerate(keys)}
    keys += tuple(key for key in own if key not in column)
    column = {key: number for number, key in enumerate(keys)}
    series = np.array([column[own[number]] for number in findings.series.tolist()], np.int32)
    return replace(findings, series=series), keys
