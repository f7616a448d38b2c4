"""Recovery: whether an incident is over, judged over all traffic that it touched, and when its trouble ended.

A single series may stay suspicious for hours after the trouble is gone. So the decision is made once for the whole incident: its series are
pooled by business process and region and held against what is due. It is over when every pool has been back for some minutes and no User
is still as badly off as it was.
"""

from dataclasses import dataclass, field

from correlation.history.traffic_history import History
from correlation.incidents.harm import HARM_OF_KIND, LEFT, Harm, measure
from correlation.snapshots import AlertSnapshot
from models.times import SECOND_US
from models.vocabulary import Phase

_HELD_S, _EMPTY_HELD_S = 300, 120
"""How long traffic must have been back, and two windows; a queue that is empty is no estimate, and it shows whether the trouble lasts."""
_LEFT_SHARED = 0.7
"""The same for others that suffer from a second incident too."""
_TRIFLE, _RELAPSE_OF_ALL = 0.05, 0.1
"""Share of the largest measure below which one decides nothing, and from which on it may be a relapse."""
_LEFT_USER = 0.5
"""Share of its own worst from which on one User is still badly off."""
_LEFT_USER_SHARED, _SMALL_USER = 0.95, 0.01
"""The same where a second incident goes on, unless the User's part of the whole is as small as this."""
_RELAPSE = 0.3
"""Share of the worst from which on an incident that is over has come back."""


@dataclass(slots=True)
class Course:
    """What is remembered of one incident to judge its recovery."""

    worst: dict[str, float] = field(default_factory=dict)
    """Highest average harm by measure, in messages a second (or messages waiting); by `measure@USER` of one User."""
    now: dict[str, float] = field(default_factory=dict)
    """The same in the last window that was judged, by measure."""
    usual: dict[str, float] = field(default_factory=dict)
    """Share that fails as a rule, or usual depth, by measure."""
    suffering: list[str] = field(default_factory=list)
    """Sorted; Users that were still badly off in the last window that was judged."""
    back_since_us: int | None = None
    """Since when all pools have been back; None while one is not."""
    depth: float | None = None
    """Messages waiting in the last window that was judged; None where no queue is part of it."""
    peak_depth: float | None = None
    phase: Phase = "growing"
    phase_next: Phase = "growing"
    """The phase of the last window; it is published after some windows in a row (`phase_run`)."""
    phase_run: int = 0
    phase_since_us: int = 0
    """The first of these windows."""

    def comes_back(self) -> None:
        """The incident was over, and is not: what its last minutes showed is no phase of it any more."""
        self.phase, self.phase_next, self.phase_run = "growing", "growing", 0


@dataclass(frozen=True, slots=True)
class Recovery:
    """The decision on one incident in one window."""

    measured: bool
    """Whether its traffic shows it at all; if not, only the detectors can decide."""
    back: bool
    """Whether its traffic is back in this window."""
    over: bool
    """Whether it has been back for long enough."""
    relapsed: bool
    """Whether it is as bad again as an incident that is over must not be."""
    ended_us: int | None
    """When the trouble ended; None where the traffic does not show it."""


def assess(course: Course, losses: list[Harm], at_us: int, *, shared: bool = False) -> Recovery:
    """The decision; `course` is moved on by this window.

    `shared`: another incident goes on that harms others too. Once the origin itself is back, what is left at the others may be that one's.
    """
    _remember(course, losses)
    _look_at_queues(course, losses)
    shown = _shown(course, losses)
    own = [harm for harm in shown if harm.name.endswith("own")]
    shared = shared and bool(own) and len(own) < len(shown) and all(_is_back(course, harm, LEFT) for harm in own)
    back = bool(shown) and all(_is_back(course, harm, _LEFT_SHARED if shared and harm not in own else LEFT) for harm in shown)
    drained = any(harm.counts_queue for harm in own)
    held_us = max((_EMPTY_HELD_S if drained else _HELD_S) * SECOND_US, 2 * max((harm.window_us for harm in shown), default=0))
    if not back:
        course.back_since_us = None
    elif course.back_since_us is None:
        course.back_since_us = at_us
    over = back and course.back_since_us is not None and at_us - course.back_since_us >= held_us
    largest = max((course.worst[harm.name] for harm in shown if not harm.counts_queue), default=0.0)
    relapsed = any(
        harm.average() > max(2.0 * harm.chance, harm.limit(course.worst[harm.name], _RELAPSE))
        and (harm.counts_queue or harm.average() > _RELAPSE_OF_ALL * largest)
        for harm in shown
    )
    ends = [end for harm in (own if shared else shown) if (end := harm.last_us(course.worst[harm.name])) is not None]
    return Recovery(bool(shown), back, over, relapsed, max(ends, default=None))


def _remember(course: Course, losses: list[Harm]) -> None:
    course.now = {}
    suffering: set[str] = set()
    for harm in losses:
        course.now[harm.name] = average = harm.average()
        course.worst[harm.name] = max(course.worst.get(harm.name, 0.0), average)
        for user, value in harm.users.items():
            name = f"{harm.name}@{user}"
            course.worst[name] = max(course.worst.get(name, 0.0), value)
            suffering |= {user} if value > _LEFT_USER * course.worst[name] else set()
    course.suffering = sorted(suffering)


def _shown(course: Course, losses: list[Harm]) -> list[Harm]:
    """What is more than chance, and no trifle beside the rest of its side: what others lose is little beside a storm, and decides too."""
    shown = [harm for harm in losses if course.worst[harm.name] > max(1.5 * harm.chance, harm.floor)]
    largest: dict[str, float] = {}
    for harm in shown:
        if not harm.counts_queue:
            largest[harm.side] = max(largest.get(harm.side, 0.0), course.worst[harm.name])
    return [harm for harm in shown if harm.counts_queue or course.worst[harm.name] >= _TRIFLE * largest[harm.side]]


def ended_us(alert: AlertSnapshot, history: History) -> int | None:
    """When the trouble of one alert ended, as its own traffic shows it; None where that does not show it."""
    harm = HARM_OF_KIND.get(alert.kind)
    if harm is None or not alert.series:
        return None
    window_s = min(key.window_s for key in alert.series)
    keys = tuple(key for key in alert.series if key.window_s == window_s)
    measured = measure({}, f"{harm}/{window_s}/own", keys, alert.onset_us, history)
    if measured is None:
        return None
    worst = alert.peak if harm == "waiting" else abs(alert.peak - alert.usual_at_peak) / window_s
    return measured.last_us(worst)


def storms_on(alert: AlertSnapshot, history: History) -> bool:
    """Whether a storm's traffic is still too much in this window: a detector that let go of it will see it again."""
    if alert.kind != "storm" or not alert.series:
        return False
    end_us = ended_us(alert, history)
    return end_us is not None and end_us > alert.at_us - min(key.window_s for key in alert.series) * SECOND_US


def _look_at_queues(course: Course, losses: list[Harm]) -> None:
    """Depths of the origin's queues, of all where there is no origin."""
    queues = [harm for harm in losses if harm.counts_queue and harm.name.endswith("own") and len(harm.windows)]
    if not queues:
        course.depth = None
        return
    course.depth = sum(float(harm.windows[-1]) for harm in queues)
    course.peak_depth = max(course.peak_depth or 0.0, course.depth)


def _is_back(course: Course, harm: Harm, share: float) -> bool:
    now = float(harm.windows[-1]) if harm.counts_queue and len(harm.windows) else harm.average()
    if now > harm.limit(course.worst[harm.name], share):
        return False
    user_share = _LEFT_USER if share == LEFT else _LEFT_USER_SHARED
    least = 0.0 if share == LEFT else _SMALL_USER * course.worst[harm.name]
    return all(value <= max(user_share * course.worst[f"{harm.name}@{user}"], least) for user, value in harm.users.items())
