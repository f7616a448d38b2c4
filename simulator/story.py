"""Story: the events of a scenario, the declared changes and the truth; stories can be added."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from correlation.incidents.business_processes import processes
from models.change import Change
from models.civil_time import BRITAIN, utc_offset_us
from models.columns import Flags, Floats
from models.errors import HighwaterError
from models.times import DAY_US, HOUR_US, MINUTE_US, instant
from simulator.effects import Effect
from simulator.timeline import Timeline
from simulator.truth import Anomaly
from simulator.world import User, World

CONTACTS = {"DCC": "DCC Technical Operations Centre, duty manager"}
USUAL_CONTACT = "Service desk lead, on call"


@dataclass(frozen=True, slots=True)
class Story:
    """Effects on the world, changes as declared, and the truth."""

    effects: tuple[Effect, ...] = ()
    changes: tuple[Change, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    harmless: tuple[str, ...] = ()
    as_expected: tuple[str, ...] = ()

    def __add__(self, other: "Story") -> "Story":
        return Story(
            self.effects + other.effects,
            self.changes + other.changes,
            self.anomalies + other.anomalies,
            self.harmless + other.harmless,
            self.as_expected + other.as_expected,
        )


@dataclass(slots=True)
class Stage:
    """The setting of a scenario: the world, the time, randomness, and the Users that already have a role."""

    world: World
    timeline: Timeline
    draw: np.random.Generator
    cast: set[str] = field(default_factory=set)
    """Users that cause or suffer something already."""
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        # Random numbers: an id must not reveal anything about its change.
        self._numbers = iter(self.draw.permutation(np.arange(1000, 10_000)).tolist())

    def change_id(self) -> str:
        """An unused change id."""
        return f"CHG-{next(self._numbers)}"

    def choose(self, *roles: str, busiest: int = 0) -> User:
        """A User of one of these roles that has no role in the story yet, and gets one now.

        Any other User if there is none (or if no role is given); the first `busiest` ones are spared as long as others remain.
        """
        free = [user for user in self.world.users if user.name not in self.cast]
        if not free:
            raise HighwaterError(f"this scenario needs more than {len(self.world.users)} Users: give --users a higher number")
        fitting = [user for user in free if user.role.name in roles] or free
        fitting = fitting[busiest:] or fitting
        user = fitting[int(self.draw.integers(len(fitting)))]
        self.cast.add(user.name)
        return user

    def at(self, hour: float) -> int:
        """The instant of a local hour of the judged day, on a whole minute and a window's edge."""
        midnight = self.timeline.last_day_us
        return (midnight - utc_offset_us(midnight, BRITAIN) + round(hour * HOUR_US)) // self._unit_us * self._unit_us

    def between(self, earliest: float, latest: float) -> int:
        """A random instant between two local hours of the judged day, on a whole minute and a window's edge."""
        return self.at(float(self.draw.uniform(earliest, latest)))

    def minutes(self, least: float, most: float) -> int:
        """A random length in whole minutes and whole windows (at least one if `least` is not 0), µs."""
        length = round(float(self.draw.uniform(least, most)) * MINUTE_US / self._unit_us)
        return max(length, 1 if least > 0 else 0) * self._unit_us

    @property
    def _unit_us(self) -> int:
        """Events begin and end at window edges: half a window of trouble would be neither in the truth nor outside it."""
        return max(MINUTE_US, self.timeline.window_us)

    def others(self, user: User) -> Flags:
        """Series of every other User."""
        return ~self.world.select(user=user.name)

    def suffering(
        self, users: Iterable[User], span_us: tuple[int, int], *, cause: str | None, origin: str | None, name: str
    ) -> tuple[Anomaly, ...]:
        """The truth about Users whose traffic merely suffers from another User's trouble."""
        kinds = ("backlog", "drop", "failures", "silence")
        start_us, end_us = span_us
        return tuple(
            Anomaly(f"{name}-{user.name}", kinds, user.name, start_us, end_us, caused_by=cause, origin_user=origin, collateral=True)
            for user in users
        )

    def taken(self, series: Flags, first: int, share: Floats) -> dict[str, float]:
        """Business process → messages of `series` that are lost if `share` (windows,) of them is removed from window `first` on."""
        rates = self.world.rates(self.timeline, first, first + len(share))
        by_process: dict[str, float] = {}
        for index in np.flatnonzero(series).tolist():
            for process in processes((self.world.traffic[index],)):
                by_process[process] = by_process.get(process, 0.0) + float((rates[:, index] * share).sum())
        return by_process

    def change(self, owner: str, category: str, title: str, start_us: int, end_us: int, **fields: Any) -> Change:
        """A change as its owner declares it, days ahead unless `declared_at` is given; times in µs."""
        ahead = int(self.draw.integers(3, 30)) * DAY_US + int(self.draw.integers(8 * 60, 17 * 60)) * MINUTE_US
        declared = start_us // DAY_US * DAY_US - ahead
        fields_of_all: dict[str, Any] = {
            "change_id": fields.pop("change_id", None) or self.change_id(),
            "owner": owner,
            "source": "dcc" if owner == "DCC" else "user",
            "category": category,
            "title": title,
            "planned_start": instant(start_us),
            "planned_end": instant(end_us),
            "declared_at": instant(declared),
            "visibility": "public_summary",
            "contact": CONTACTS.get(owner, USUAL_CONTACT),
        }
        given = {name: instant(value) if name.endswith("_at") else value for name, value in fields.items()}
        return Change.model_validate(fields_of_all | given)

    def clip(self, at_us: int) -> int:
        """`at_us`, at most the simulation's end."""
        return min(at_us, self.timeline.end_us)
