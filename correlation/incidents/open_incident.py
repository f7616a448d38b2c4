"""Open incident: the state of one event, its alerts, where it began and whom it hurts."""

from dataclasses import dataclass, field

from correlation.incidents.membership import HARM_KINDS
from correlation.incidents.origin import origin
from correlation.incidents.recovery import Course
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.vocabulary import Severity


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
    """Users that suffered at any time; nobody is taken off while the incident lasts."""
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

    def update_origin(self, parameters: CorrelationParameters, *, again: bool) -> None:
        """Judges who suffers, and where it began if that is open; a piece that comes late does not make a beginning."""
        if again:
            self.origin_user = origin(tuple(self.members.values()), parameters, self.origin_user)
        harmed = {member.user for member in self.members.values() if member.user is not None and member.kind in HARM_KINDS}
        several = self.origin_user is not None or len(harmed) > 1
        self.affected = {user for user in (self.affected | harmed if several else self.affected) if user != self.origin_user}

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
            tuple(sorted(self.affected)),
            tuple(sorted({key.region for episode in episodes for key in episode.series if key.region})),
        )
