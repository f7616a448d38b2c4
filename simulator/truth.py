"""Truth: what really happened in a simulation, for comparison with alerts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.times import format_time


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One User's traffic with a fault (`user` None: everyone's, or a whole region's), from one cause."""

    id: str
    kinds: tuple[str, ...]
    """Alert kinds that are right for it."""
    user: str | None
    onset_us: int
    ends_us: int
    """When the last of its effects is over, including drained queues."""
    caused_by: str | None = None
    """The declared change that caused it; None if nobody declared one."""
    origin_user: str | None = None
    """The owner of the systems in which it began; None if there is none (weather, a region, the DSP itself)."""
    region: str | None = None
    collateral: bool = False
    """It suffers from another anomaly: an alert about it is right, a missing alert is not an error."""
    weather: bool = False
    """A grid event without a change; alerts count in the same way."""
    threatens: tuple[str, ...] = ()
    """Changes of that day that it endangers."""
    services: tuple[str, ...] = ()
    """Services that it affects; empty: any."""
    missing: Mapping[str, float] = field(default_factory=dict)
    """Business process → responses to all Users that it removes, as far as the simulator defines them."""

    def as_json(self) -> dict[str, Any]:
        """The contract's fields, and our own fields where they have a value."""
        fields: dict[str, Any] = {
            "id": self.id,
            "kinds": sorted(self.kinds),
            "user": self.user,
            "onset_at": format_time(self.onset_us),
            "ends_at": format_time(self.ends_us),
            "caused_by": self.caused_by,
            "origin_user": self.origin_user,
        }
        optional = {"region": self.region, "collateral": self.collateral, "weather": self.weather, "threatens": sorted(self.threatens)}
        optional["services"] = sorted(self.services)
        lost = {process: round(messages) for process, messages in sorted(self.missing.items()) if messages >= 1}
        return fields | {name: value for name, value in (optional | {"missing": lost}).items() if value}


@dataclass(frozen=True, slots=True)
class Truth:
    """All anomalies of a simulation, and the changes without effect or with exactly the declared effect."""

    scenario: str
    seed: int
    judged_from_us: int
    """Everything before is history to learn from: alerts detected earlier are not judged."""
    anomalies: tuple[Anomaly, ...]
    harmless: tuple[str, ...]
    as_expected: tuple[str, ...]
    planned_ends: Mapping[str, int] = field(default_factory=dict)
    """change_id → planned end of its window, µs."""

    def encode(self) -> bytes:
        """`truth.json`: one anomaly per line, so that it is easy to read and compare."""
        anomalies = ",\n".join(f"  {json.dumps(anomaly.as_json())}" for anomaly in self.anomalies)
        planned = {name: format_time(end_us) for name, end_us in sorted(self.planned_ends.items())}
        rest = {"harmless": sorted(self.harmless), "as_expected": sorted(self.as_expected), "planned_ends": planned}
        head = {"scenario": self.scenario, "seed": self.seed, "judged_from": format_time(self.judged_from_us)}
        lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        lines.append(f' "anomalies": [\n{anomalies}\n ]' if anomalies else ' "anomalies": []')
        lines.extend(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in rest.items())
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
