"""Incidents of the micro-service test bed: one NDJSON line each, with what was known when it was detected."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Samples:
    """One pod's share of failed calls on one edge, up to the detection."""

    pod: str
    caller: str
    callee: str
    at_s: np.ndarray
    failing: np.ndarray
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with everything that was known when it was detected."""

    name: str
    detected_s: float
    changes: tuple[Mapping[str, Any], ...]
    calls: Mapping[str, frozenset[str]]
    """caller → callees."""
    samples: tuple[Samples, ...]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Incident":
        """From one line of the file; later samples, and completions that had not happened yet, are left out."""
        until = float(raw["detected_at"])
        calls: dict[str, set[str]] = {}
        for caller, callee in raw["calls"]:
            calls.setdefault(caller, set()).add(callee)
        samples = [_samples(kpi, until) for kpi in raw["kpis"]]
        changes = sorted((_known(change, until) for change in raw["changes"]), key=lambda change: str(change["service"]))
        known = tuple(one for one in samples if len(one.at_s))
        return cls(str(raw["incident"]), until, tuple(changes), {name: frozenset(to) for name, to in calls.items()}, known)


def _samples(kpi: Mapping[str, Any], until: float) -> Samples:
    at_s = np.array(kpi["t"], np.float64)
    success = np.array([np.nan if value is None else value for value in kpi["success_pct"]], np.float64)
    keep = (at_s <= until) & np.isfinite(success)
    return Samples(str(kpi["pod"]), str(kpi["caller"]), str(kpi["callee"]), at_s[keep], np.clip(1.0 - success[keep] / 100.0, 0.0, 1.0))


def _known(change: Mapping[str, Any], until: float) -> Mapping[str, Any]:
    begun = [step for step in change["steps"] if step["at"] <= until]
    steps = [
        {
            "at": step["at"],
            "new_pods": step["new_pods"],
            "ready": step["completed_at"] if (step["completed_at"] or until + 1) <= until else None,
        }
        for step in begun
    ]
    return {"service": change["service"], "started_at": change["started_at"], "steps": steps}


def read(path: Path) -> Iterable[Incident]:
    """Incidents of an NDJSON file, plain or `.gz`."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield Incident.read(json.loads(line))
