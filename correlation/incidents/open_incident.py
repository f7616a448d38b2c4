"""Open incident: the state of one event, its alerts, where it began and whom it hurts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from correlation.incidents.business_processes import CORE, processes
from correlation.incidents.membership import HARM_KINDS, LOSSES, is_self_inflicted_storm, possible_causes
from correlation.incidents.origin import origin
from correlation.incidents.recovery import Course
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.vocabulary import Severity

_MOST_COMPANIONS = 500


@dataclass(frozen=True, slots=True)
class Companion:
    """What is remembered of an incident that took answers at the same time and is over: when, in which processes, whose answers waited."""

    onset_us: int
    ended_us: int
    processes: tuple[str, ...]
    """In which others suffered; empty if nobody did."""
    waiting: tuple[str, ...] = ()
    """Sorted; Users with a backlog. State of earlier releases does not name them."""
    silent: str = ""
    """The User that it began at, if that one's own traffic stayed away: what it does not get is no loss by anybody else."""
    storming: str = ""
    """The User that it began at, if that one sent too much: the answers that it gets do not show what is lost."""


@dataclass(slots=True)
class OpenIncident:
    """One incident's state: its alerts, where it began, whom it hurts."""

    incident_id: str
    opened_us: int
    """`detected_at` of its first alert."""
    members: dict[str, AlertSnapshot] = field(default_factory=dict)
    """By alert_id; the latest facts of each."""
    origin_user: str | None = None
    affected: set[str] = field(default_factory=set)
    """Users that have suffered since it began, or came back; nobody is taken off while it lasts."""
    resolved_us: int | None = None
    """The window that decided that it is over."""
    merged_into: str | None = None
    worst: tuple[int, str] = (6, "")
    """The gravest category that was proposed while it lasted, with its reason."""
    declared_alerts: dict[str, str] = field(default_factory=dict)
    """Alerts that keep to what a change declared, as far as was seen last → that change."""
    changed_us: int = 0
    """The last window that brought or took a member, or decided that it is over or back."""
    ended_us: int | None = None
    """When its trouble ended (estimated); None while it goes on."""
    worst_size: float = 0.0
    """How large it was then: by affected Users, then by waiting messages."""
    severity: Severity = "info"
    """The gravest of its alerts when they were looked at last."""
    course: Course = field(default_factory=Course)
    companions: list[Companion] = field(default_factory=list)
    """In the order in which they were forgotten."""
    risen: dict[str, float] = field(default_factory=dict)
    """Younger incident → share of everyone's answers that it took when it began."""
    earlier: set[str] = field(default_factory=set)
    """Users that suffered before it came back; while it goes on, `affected` holds those that have suffered since."""
    returned_us: int | None = None
    """When it came back last."""

    @property
    def is_over(self) -> bool:
        """Whether that is decided, and it is no part of another."""
        return self.resolved_us is not None and self.merged_into is None

    @property
    def services(self) -> frozenset[str]:
        """Those of all its alerts."""
        return frozenset(key.service for member in self.members.values() for key in member.series if key.service)

    @property
    def harms_others(self) -> bool:
        """Whether others lose answers because of it."""
        if self.merged_into is not None or not self.affected | self.earlier:
            return False
        return bool(possible_causes(tuple(self.members.values()), self.origin_user))

    def as_companion(self, at_us: int) -> Companion:
        """What it takes so far."""
        until_us = at_us if self.ended_us is None else self.ended_us
        waiting = {member.user for member in self.members.values() if member.kind == "backlog" and member.user is not None}
        own = [member for member in self.members.values() if member.user == self.origin_user and self.origin_user is not None]
        silent = any(member.kind in LOSSES for member in own)
        storming = any(is_self_inflicted_storm(member) for member in own)
        return Companion(
            self.case(at_us).onset_us,
            until_us,
            self._processes() if self.harms_others else (),
            tuple(sorted(waiting)),
            str(self.origin_user) if silent else "",
            str(self.origin_user) if storming else "",
        )

    def _processes(self) -> tuple[str, ...]:
        """Those in which its victims suffer; all that need a working route if no single series shows that."""
        harmed = [member for member in self.members.values() if member.user != self.origin_user and member.kind in HARM_KINDS]
        return processes(key for member in harmed for key in member.series) or CORE

    def remember(self, gone: Sequence[Companion], at_us: int) -> None:
        """Keeps what incidents took that are about to be forgotten, if they went on at the same time; of too many the last ones."""
        own = self.as_companion(at_us)
        self.companions = [*self.companions, *(one for one in gone if meet(own, one))][-_MOST_COMPANIONS:]

    def update_origin(self, parameters: CorrelationParameters, *, again: bool) -> None:
        """Judges who suffers, and where it began if that is open; a piece that comes late does not make a beginning."""
        if again:
            self.origin_user = origin(tuple(self.members.values()), parameters, self.origin_user)
        harmed = self._harmed()
        several = self.origin_user is not None or len(harmed) > 1
        self.affected = {user for user in (self.affected | harmed if several else self.affected) if user != self.origin_user}

    def forget_users(self, users: set[str]) -> None:
        """Those of some Users that have no alert in it any more do not suffer with it."""
        gone = users - {str(member.user) for member in self.members.values()}
        self.affected, self.earlier = self.affected - gone, self.earlier - gone

    def comes_back(self, at_us: int) -> None:
        """It was over, and is not: whoever suffered before does not suffer now for that reason."""
        self.course.comes_back()
        self.earlier |= self.affected
        self.returned_us = at_us
        self.affected = self._harmed() - {self.origin_user}

    def _harmed(self) -> set[str]:
        """Users with an alert of harm that was not over before the incident came back."""
        since_us = -1 if self.returned_us is None else self.returned_us
        present = (member for member in self.members.values() if member.ended_us is None or member.ended_us > since_us)
        return {member.user for member in present if member.user is not None and member.kind in HARM_KINDS}

    def began_with(self, member: AlertSnapshot) -> bool:
        """Whether it is of the origin's first trouble: that is its own, though another incident keeps the same traffic down afterwards."""
        return member.user == self.origin_user and member.onset_us <= self.opened_us

    def case(self, at_us: int) -> IncidentSnapshot:
        """The facts that a judgement starts from."""
        episodes = tuple(sorted(self.members.values(), key=lambda episode: (episode.onset_us, episode.alert_id)))
        own = [episode for episode in episodes if self.origin_user is None or episode.user == self.origin_user]
        return IncidentSnapshot(
            self.incident_id,
            episodes,
            self.origin_user,
            min(episode.onset_us for episode in own or episodes),
            min(episode.detected_us for episode in episodes),
            at_us,
            tuple(sorted(self.affected if self.resolved_us is None else self.affected | self.earlier)),
            tuple(sorted({key.region for episode in episodes for key in episode.series if key.region})),
            tuple(sorted(self.earlier)),
        )


def meet(one: Companion, other: Companion) -> bool:
    """Whether both went on at the same time."""
    return one.onset_us < other.ended_us and other.onset_us < one.ended_us
