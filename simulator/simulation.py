"""Simulation: one scenario with one seed; its events as bytes or columns, its changes and its truth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.change import Change
from models.errors import HighwaterError
from models.times import round_up, us
from simulator.effects import Effect
from simulator.lines import Lines
from simulator.realities import REALITIES, Reality
from simulator.recorded import Recording, lay_out
from simulator.scenarios import SCENARIOS, Scenario
from simulator.story import Stage, Story
from simulator.timeline import Timeline
from simulator.traffic import Stretch, stretches
from simulator.truth import Anomaly, Truth
from simulator.window_lengths import added_up, windows_each
from simulator.world import World, build_world, recorded_world, with_longer_windows

MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Simulation:
    """A function of (scenario, seed, users, days, start, window_s): the same arguments give the same bytes."""

    scenario: Scenario
    seed: int
    world: World
    timeline: Timeline
    effects: tuple[Effect, ...]
    changes: list[Change]
    """Sorted by `change_id` and revision."""
    truth: Truth

    @property
    def events(self) -> int:
        """Upper bound of the number of events; events lost in telemetry gaps are included."""
        return self.timeline.windows * (len(self.world.traffic) + len(self.world.queues))

    def stretches(self) -> Iterator[Stretch]:
        """Columns of consecutive windows, in order of time."""
        each = [windows_each(keys, self.timeline.window_s) for keys in (self.world.traffic, self.world.queues)]
        return (added_up(stretch, *each) for stretch in stretches(self.world, self.timeline, self.effects, self.seed))

    def blocks(self) -> Iterator[bytes]:
        """NDJSON, whole lines, in order of time."""
        lines = Lines(self.world)
        return (lines.write(stretch) for stretch in self.stretches())


def find_scenario(name: str) -> Scenario:
    """The scenario of that name. Raises HighwaterError that lists the names."""
    if name not in SCENARIOS:
        raise HighwaterError(f"there is no scenario {name!r:.60}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def find_reality(name: str) -> Reality:
    """The reality of that name. Raises HighwaterError that lists the names."""
    if name not in REALITIES:
        raise HighwaterError(f"there is no reality {name!r:.60}; there are {', '.join(REALITIES)}")
    return REALITIES[name]


def simulate(
    scenario: Scenario,
    seed: int,
    *,
    users: int,
    days: int,
    start_us: int,
    window_s: int = 60,
    longer_window_s: int | None = None,
    realities: tuple[str, ...] = (),
    recordings: tuple[Recording, ...] = (),
) -> Simulation:
    """Simulate `scenario` on a world of `users` Users over `days` days from `start_us`.

    With `longer_window_s` every second User is measured in windows of that length.
    `realities` adds features of ordinary traffic; `recordings` are assigned to the series in turn and replace random traffic.
    Raises HighwaterError for impossible sizes.
    """
    _check_sizes(seed, days, window_s, longer_window_s or window_s)
    world = build_world(seed, users=users, window_s=window_s, days=days)
    timeline = Timeline.of_days(round_up(start_us, longer_window_s or window_s), days=days, window_s=window_s)
    if longer_window_s is not None:
        world = with_longer_windows(world, longer_window_s)
    marked: tuple[Anomaly, ...] = ()
    if recordings:
        laid = lay_out(recordings, timeline)
        file_of = np.arange(len(world.traffic)) % len(recordings)
        world = recorded_world(world, laid.counts[:, file_of], window_s)
        marked = laid.anomalies(timeline, [(key.user, int(file)) for key, file in zip(world.traffic, file_of, strict=True)])
    story = _story(scenario, realities, seed, world, timeline)
    judged_from_us = timeline.last_us(scenario.judged_days)
    anomalies = story.anomalies + tuple(one for one in marked if one.onset_us >= judged_from_us)
    return Simulation(
        scenario=scenario,
        seed=seed,
        world=world,
        timeline=timeline,
        effects=story.effects,
        changes=sorted(story.changes, key=lambda change: (change.change_id, change.revision)),
        truth=Truth(
            scenario.name,
            seed,
            judged_from_us,
            anomalies,
            story.harmless,
            story.as_expected,
            {change.change_id: us(change.planned_end) for change in sorted(story.changes, key=lambda change: change.revision)},
        ),
    )


def _check_sizes(seed: int, days: int, window_s: int, longer_window_s: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise HighwaterError(f"a simulation has 1 to {MOST_DAYS} days, not {days}")
    if seed < 0:
        raise HighwaterError(f"a seed is a whole number from 0 up, not {seed}")
    if not 1 <= window_s <= 3600 or 86_400 % window_s:
        raise HighwaterError(f"a window has 1 to 3600 seconds and divides a day, unlike {window_s}")
    if not window_s <= longer_window_s <= 3600 or longer_window_s % window_s or 86_400 % longer_window_s:
        raise HighwaterError(
            f"a longer window is a multiple of {window_s} s, has up to 3600 seconds and divides a day, unlike {longer_window_s}"
        )


def _story(scenario: Scenario, realities: tuple[str, ...], seed: int, world: World, timeline: Timeline) -> Story:
    """What happens: the scenario, and the realities beside it."""
    salt = int.from_bytes(scenario.name.encode(), "big")
    story = scenario.build_story(Stage(world, timeline, np.random.default_rng(np.random.SeedSequence([seed, 2, salt]))))
    for number, name in enumerate(realities):
        # A reality uses its own random source: it changes nothing in the scenario that it is added to.
        aside = Stage(world, timeline, np.random.default_rng(np.random.SeedSequence([seed, 3, number])))
        story += find_reality(name).build_story(aside)
    return story
