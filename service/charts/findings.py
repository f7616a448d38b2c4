"""Chart findings, window by window: scores and forecasts as in the metrics, kept as long as unchanged samples."""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import ENDED, Detected, Findings, SeriesKey
from models.state_bytes import pack, unpack

_VERSION = 1
SHOWN_EVIDENCE = ("capacity_eta_s", "capacity_eta_low_s", "capacity_eta_high_s", "age_limit_eta_s", "drain_eta_s")
"""The evidence that metrics show."""
Part = tuple[Findings, tuple[SeriesKey, ...]]
"""Findings, and the series that they index."""


@dataclass(frozen=True, slots=True)
class WindowFindings:
    """The open findings of one closed window, to be written to the data file."""

    window_s: int
    at_us: int
    body: bytes


def open_findings(detected: Detected) -> list[WindowFindings]:
    """At most one: most windows have no open finding."""
    parts = [_packed(detected.traffic, detected.traffic_keys), _packed(detected.queues, detected.queue_keys)]
    if not any(parts):
        return []
    return [WindowFindings(detected.window_s, detected.at_us, zlib.compress(pack({"parts": parts}, _VERSION), 1))]


def write(connection: sqlite3.Connection, rows: Iterable[WindowFindings]) -> None:
    """Again is harmless."""
    connection.executemany("INSERT OR REPLACE INTO findings VALUES (?, ?, ?)", ((row.window_s, row.at_us, row.body) for row in rows))


def read(connection: sqlite3.Connection, from_us: int, to_us: int) -> dict[tuple[int, int], tuple[Part, Part]]:
    """(end of the window, its length) → findings of traffic and of queues; windows that end after `from_us`, up to `to_us`."""
    rows = connection.execute("SELECT at_us, window_s, body FROM findings WHERE at_us > ? AND at_us <= ?", (from_us, to_us))
    return {(at_us, window_s): _parts(unpack(zlib.decompress(body), _VERSION)["parts"], at_us) for at_us, window_s, body in rows}


def _packed(findings: Findings, keys: Sequence[SeriesKey]) -> dict[str, Any]:
    rows = np.flatnonzero(findings.phase != ENDED)
    if not len(rows):
        return {}
    series, index = np.unique(findings.series[rows], return_inverse=True)
    return {
        "keys": [list(keys[number]) for number in series.tolist()],
        "series": index.astype(np.int32),
        "kind": findings.kind[rows],
        "phase": findings.phase[rows],
        "score": findings.score[rows],
        "evidence": {name: findings.evidence[name][rows] for name in SHOWN_EVIDENCE if name in findings.evidence},
    }


def _parts(parts: Sequence[dict[str, Any]], at_us: int) -> tuple[Part, Part]:
    traffic, queues = (_part(tree, at_us) for tree in parts)
    return traffic, queues


def _part(tree: dict[str, Any], at_us: int) -> Part:
    if not tree:
        return Findings.none(), ()
    size = len(tree["kind"])
    when, nothing = np.full(size, at_us, np.int64), np.zeros(size)
    findings = Findings(
        kind=tree["kind"],
        series=tree["series"],
        phase=tree["phase"],
        began_us=when,
        detected_us=when,
        score=tree["score"],
        observed=nothing,
        expected=nothing,
        serious=np.zeros(size, np.bool_),
        evidence=tree["evidence"],
    )
    return findings, tuple(SeriesKey(*key) for key in tree["keys"])
