"""Finding state: a finding begins once, continues in every window, ends once."""

from dataclasses import replace

import numpy as np

from detectors.interface import Signal
from models.columns import ALERT_KINDS, BEGAN, CONTINUES, ENDED, Columns, Findings, Flags, Floats, Ints
from models.times import SECOND_US


def fresh(series: int) -> Columns:
    """Onset and deciding window of the open finding, seconds since 1970; 0 if none is open. Whether any of it was serious."""
    return {"began_s": np.zeros(series, np.uint32), "detected_s": np.zeros(series, np.uint32), "serious": np.zeros(series, np.bool_)}


def is_open(state: Columns) -> Flags:
    """Whether a finding is open."""
    flags: Flags = state["detected_s"] != 0
    return flags


def open_since_us(state: Columns) -> Ints:
    """End of the window that decided on the open finding, microseconds since 1970; 0 if none is open."""
    since_us: Ints = state["detected_s"] * np.int64(SECOND_US)
    return since_us


def update(state: Columns, signal: Signal, was_open: Flags, kind: str, at_us: int, first_series: int) -> Findings | None:
    """Processes one window of one detector on one block: the findings that begin, continue or end in it."""
    starting = signal.over & ~was_open
    rows = (starting | was_open).nonzero()[0]
    if not len(rows):
        return None
    shown = signal.shown(rows)
    ending = signal.has_ended[rows] & was_open[rows]
    begins = starting[rows]
    # The onset is estimated again while the finding is open, but never later than the window that decided.
    began = shown.began_us
    detected = np.where(begins, at_us, state["detected_s"][rows] * np.int64(SECOND_US))
    before = state["began_s"][rows] * np.int64(SECOND_US)
    began = np.where(begins, began, np.where(signal.over[rows], np.minimum(began, before), before))
    state["began_s"][rows], state["detected_s"][rows] = began // SECOND_US, np.where(ending, 0, detected // SECOND_US)
    state["serious"][rows] = signal.serious[rows] | (state["serious"][rows] & was_open[rows])
    serious = state["serious"][rows].copy()
    return Findings(
        kind=np.full(len(rows), ALERT_KINDS.index(kind), np.uint8),
        series=(rows + first_series).astype(np.int32),
        phase=np.where(begins, BEGAN, np.where(ending, ENDED, CONTINUES)).astype(np.uint8),
        began_us=began,
        detected_us=detected,
        score=signal.score[rows].astype(np.float64),
        observed=shown.observed,
        expected=shown.expected,
        serious=serious,
        evidence={name: values.astype(np.float64) for name, values in shown.evidence.items()},
    )


def open_at(
    state: Columns, asked: Flags, kind: str, at_us: int, began_us: Ints, score: Floats, expected: Floats, first_series: int
) -> Findings | None:
    """Opens a finding of silence where one is `asked` for and none is open, for evidence outside the detector."""
    rows = (asked & ~is_open(state)).nonzero()[0]
    if not len(rows):
        return None
    state["began_s"][rows], state["detected_s"][rows], state["serious"][rows] = began_us[rows] // SECOND_US, at_us // SECOND_US, True
    count = len(rows)
    return Findings(
        kind=np.full(count, ALERT_KINDS.index(kind), np.uint8),
        series=(rows + first_series).astype(np.int32),
        phase=np.full(count, BEGAN, np.uint8),
        began_us=began_us[rows],
        detected_us=np.full(count, at_us, np.int64),
        score=score[rows],
        observed=np.zeros(count),
        expected=expected[rows],
        serious=np.ones(count, np.bool_),
        evidence={"ratio": np.zeros(count)},
    )


def numbered(findings: Findings, series: Ints) -> Findings:
    """Findings of rows of a table as findings of these `series`."""
    refused = frozenset((kind, int(series[row])) for kind, row in findings.refused)
    return replace(findings, series=series[findings.series].astype(np.int32), refused=refused)


def joined(parts: list[Findings]) -> Findings:
    """All `parts` by (kind, series); evidence that a part does not have is NaN."""
    if not parts:
        return _NONE
    names = sorted({name for part in parts for name in part.evidence})
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    order = np.lexsort((whole["series"], whole["kind"]))
    return Findings(
        **{name: column[order] for name, column in whole.items()},
        evidence={name: np.concatenate([_or_nan(part, name) for part in parts])[order] for name in names},
        codes={series: codes for part in parts for series, codes in part.codes.items()},
        refused=frozenset().union(*(part.refused for part in parts)),
    )


_COLUMNS = ("kind", "series", "phase", "began_us", "detected_us", "score", "observed", "expected", "serious")


def _or_nan(part: Findings, name: str) -> Floats:
    return part.evidence.get(name, np.full(len(part), np.nan))


_NONE = Findings.none()
