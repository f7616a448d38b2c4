"""The world: Users, their series and queues in columns, and the traffic of each on an ordinary day."""

from dataclasses import dataclass, replace

import numpy as np

from models.civil_time import BRITAIN, local_us
from models.columns import Flags, Floats, Indices, Ints, SeriesKey
from models.errors import HighwaterError
from models.times import DAY_US, MINUTE_US
from simulator.profiles import FAMILIES, KEEPS_UTC, MINUTES_A_WEEK, weekly_profiles
from simulator.roles import REGION_WEIGHTS, REGIONS, ROLES, Part, Role
from simulator.timeline import Timeline

MOST_USERS = 100_000
MONDAY_US = 4 * DAY_US
"""The epoch was a Thursday: the first Monday after it."""
DEVICE_CODES = ("E20", "E21")
USER_CODES = (("E11", "E19"), ("E12", "E19"), ("E1", "E5"))
SPARE = {"to_user": 3.0, "to_device": 12.0}
"""Delivery rate of a queue as a multiple of its mean. Towards devices it is enough for the price updates of a tariff day."""
FAILURE_RATIO = {"service_response": 0.02, "service_request": 0.005, "signed_pre_command": 0.005}
"""Response success 97 %: 2 % fail on the device's side, 0.5 % on the User's (domain notes, section 6)."""


@dataclass(frozen=True, slots=True)
class User:
    """One DCC User ID."""

    name: str
    role: Role
    home: str
    second: str


@dataclass(frozen=True, slots=True)
class World:
    """The constant part of a simulation. Traffic columns have shape (series,), queue columns (queues,)."""

    users: tuple[User, ...]
    traffic: tuple[SeriesKey, ...]
    """Sorted, as everywhere in Highwater."""
    queues: tuple[SeriesKey, ...]
    """Sorted: `to_device` and `to_user` of each User."""
    mean_per_s: Floats
    family: Indices
    keeps_utc: Flags
    phase_min: Ints
    """Delay of a series against its profile, minutes; may be negative."""
    dispersion: Floats
    """Variance / mean of the counts."""
    failure_ratio: Floats
    code_pair: Indices
    """Index into `code_pairs`: the two response codes of its failures."""
    code_pairs: tuple[tuple[str, str], ...]
    queue_of: Indices
    """(series,) The queue of each series' messages; the index never decreases from one series to the next."""
    capacity_per_s: Floats
    """Messages a second that a queue can deliver: `SPARE` × its mean, and at least its busiest hour."""
    depth_limit: Ints
    """Messages that a queue can hold."""
    daily_level: Floats
    """(users, days + 1) How busy each User is at midnight, relative to its mean."""
    user_of_series: Indices
    profiles: Floats
    recorded: Floats | None = None
    """(windows, series) Recorded counts, if the world is made of them: they replace profile and randomness."""

    def rates(self, timeline: Timeline, first: int, last: int) -> Floats:
        """Expected messages a window on an ordinary day; shape (windows, series)."""
        if self.recorded is not None:
            return self.recorded[first:last].copy()
        middle = timeline.ends_us(first, last) - timeline.window_us // 2
        utc, local = _minute_of_week(middle), _minute_of_week(local_us(middle, BRITAIN))
        minute = np.where(self.keeps_utc[None, :], utc[:, None], local[:, None]) - self.phase_min[None, :]
        share = self.profiles[self.family[None, :], minute % MINUTES_A_WEEK]
        day = (middle - timeline.start_us) / DAY_US
        whole = np.minimum(day.astype(np.int64), self.daily_level.shape[1] - 2)
        part = (day - whole)[:, None]
        level = self.daily_level[:, whole].T * (1 - part) + self.daily_level[:, whole + 1].T * part
        rates: Floats = share * level[:, self.user_of_series] * (self.mean_per_s * timeline.window_s)[None, :]
        return rates

    def select(self, **parts: str | frozenset[str]) -> Flags:
        """Which series have these values; each is one value or a set: `select(user="OTHER-01", direction="to_user")`."""
        chosen = np.ones(len(self.traffic), dtype=np.bool_)
        for name, wanted in parts.items():
            allowed = frozenset({wanted}) if isinstance(wanted, str) else wanted
            chosen &= np.array([getattr(key, name) in allowed for key in self.traffic], dtype=np.bool_)
        return chosen


def build_world(seed: int, *, users: int, window_s: int, days: int) -> World:
    """A world of `users` Users from `seed` alone. Raises HighwaterError for impossible sizes."""
    if not 1 <= users <= MOST_USERS:
        raise HighwaterError(f"a world has 1 to {MOST_USERS} Users, not {users}")
    draw = np.random.default_rng(np.random.SeedSequence([seed, 0]))
    people = _users(draw, users)
    rows = sorted((_key(user, part, window_s), region, part) for region, user in enumerate(people) for part in user.role.parts)
    keys = tuple(key for key, _, _ in rows)
    owner = np.array([region for _, region, _ in rows], dtype=np.int32)
    busy = _busyness(draw, people)
    share = np.array([part.share for _, _, part in rows]) * draw.lognormal(0, 0.15, len(rows))
    mean = busy[owner] * share
    family = np.array([FAMILIES.index(part.family) for _, _, part in rows], dtype=np.int32)
    pairs = (DEVICE_CODES, *USER_CODES)
    responds = np.array([key.message_class == "service_response" for key in keys])
    queues = tuple(sorted(SeriesKey(user.name, "", "", "", "", queue, window_s) for user in people for queue in ("to_device", "to_user")))
    queue_of = _queue_of(keys, queues)
    profiles = weekly_profiles()
    capacity, depth_limit = _capacities(people, queues, mean, profiles[family].max(axis=1), queue_of)
    return World(
        users=people,
        traffic=keys,
        queues=queues,
        mean_per_s=mean,
        family=family,
        keeps_utc=np.array([part.family in KEEPS_UTC for _, _, part in rows], dtype=np.bool_),
        phase_min=draw.integers(-20, 21, len(people))[owner],
        dispersion=draw.uniform(1.2, 3.0, len(rows)),
        failure_ratio=np.array([FAILURE_RATIO.get(key.message_class, 0.0) for key in keys]) * draw.uniform(0.7, 1.3, len(rows)),
        code_pair=np.where(responds, 0, draw.integers(1, len(pairs), len(people))[owner]).astype(np.int32),
        code_pairs=pairs,
        queue_of=queue_of,
        capacity_per_s=capacity,
        depth_limit=depth_limit,
        daily_level=draw.lognormal(0, 0.03, (len(people), days + 2)),
        user_of_series=owner,
        profiles=profiles,
    )


def recorded_world(world: World, counts: Floats, window_s: int) -> World:
    """`world` with the traffic of `counts` (windows, series); delivery rates and capacities of its queues are adapted."""
    mean = counts.mean(axis=0) / window_s
    peak = counts.max(axis=0) / np.maximum(mean * window_s, 1e-9)
    capacity, depth_limit = _capacities(world.users, world.queues, mean, peak, world.queue_of)
    return replace(world, recorded=counts, mean_per_s=mean, capacity_per_s=np.maximum(capacity, 1.0), depth_limit=depth_limit)


def with_longer_windows(world: World, window_s: int) -> World:
    """`world` in which every second User is measured in windows of `window_s`."""
    chosen = frozenset(user.name for user in world.users[1::2])
    traffic, queues = (
        tuple(key._replace(window_s=window_s) if key.user in chosen else key for key in keys) for keys in (world.traffic, world.queues)
    )
    return replace(world, traffic=traffic, queues=queues)


def _users(draw: np.random.Generator, count: int) -> tuple[User, ...]:
    """`count` Users: the roles in the proportions of `ROLES`, at least one of each in order as far as they last."""
    wanted = [role.in_sixty * count / 60 for role in ROLES]
    given = [0] * len(ROLES)
    for _ in range(count):
        # The role that is furthest below its proportion is next; the first round gives one to each.
        behind = [(have > 0, have - want, region) for region, (have, want) in enumerate(zip(given, wanted, strict=True))]
        given[min(behind)[2]] += 1
    people = []
    for role, number in zip(ROLES, given, strict=True):
        for rank in range(1, number + 1):
            home, second = draw.choice(len(REGIONS), 2, replace=False, p=REGION_WEIGHTS)
            people.append(User(f"{role.prefix}{rank:02d}", role, REGIONS[home], REGIONS[second]))
    return tuple(people)


def _busyness(draw: np.random.Generator, people: tuple[User, ...]) -> Floats:
    """Messages a second of each User, shape (users,)."""
    rank = np.array([int(user.name.removeprefix(user.role.prefix)) for user in people])
    busiest = np.array([user.role.busiest_per_s for user in people])
    decline = np.array([user.role.decline for user in people])
    busy: Floats = busiest * rank**-decline * draw.lognormal(0, 0.1, len(people))
    return busy


def _key(user: User, part: Part, window_s: int) -> SeriesKey:
    region = {"home": user.home, "second": user.second, "none": ""}[part.region]
    return SeriesKey(user.name, part.direction, part.message_class, part.service, region, "", window_s)


def _queue_of(keys: tuple[SeriesKey, ...], queues: tuple[SeriesKey, ...]) -> Indices:
    """Messages to a User wait in its `to_user` queue, messages to devices in its `to_device` queue."""
    region = {(queue.user, queue.queue): index for index, queue in enumerate(queues)}
    return np.array([region[key.user, "to_user" if key.direction == "to_user" else "to_device"] for key in keys], dtype=np.int32)


def _capacities(
    people: tuple[User, ...], queues: tuple[SeriesKey, ...], mean: Floats, peak: Floats, queue_of: Indices
) -> tuple[Floats, Ints]:
    """The delivery rate (messages/s) and capacity (messages, at least three hours' worth) of each queue."""
    average = np.bincount(queue_of, mean, len(queues))
    busiest = np.bincount(queue_of, mean * peak, len(queues))
    floor = {user.name: user.role.capacity_floor for user in people}
    limit = [max(floor[queue.user], int(held) // 10_000 * 10_000) for queue, held in zip(queues, average * 3 * 3600, strict=True)]
    spare = np.array([SPARE[queue.queue] for queue in queues])
    return np.maximum(spare * average, 1.2 * busiest), np.array(limit, dtype=np.int64)


def _minute_of_week(at_us: Ints) -> Ints:
    minute: Ints = (at_us - MONDAY_US) // MINUTE_US % MINUTES_A_WEEK
    return minute
