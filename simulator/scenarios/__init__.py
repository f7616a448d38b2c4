"""Every scenario by name: a new one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.scenarios import day, firewall, message_storm, quiet
from simulator.story import Stage, Story


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, in a sentence for people, and who tells it."""

    name: str
    summary: str
    tell: Callable[[Stage], Story]
    days: int = 3
    """Length unless asked otherwise: history to learn from, then the day that is judged."""
    start: str = "2026-01-05T00:00:00Z"


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("quiet", "An ordinary day: a few harmless changes, nothing wrong.", quiet.tell),
        Scenario("firewall", "A firewall change shuts the route to a User: 1,500,000 messages pile up, everyone feels it.", firewall.tell),
        Scenario("message-storm", "A new system floods the DSP with erroneous requests: nobody can commission meters.", message_storm.tell),
        Scenario("day", "Two days of history, then both incidents of the problem statement and four harmless changes.", day.tell),
    )
}
