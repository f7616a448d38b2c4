"""Every scenario by name: a new one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.scenarios import (
    absent,
    bad_release,
    cancelled,
    clock_change,
    day,
    dcc_fault,
    decoys,
    firewall,
    firmware,
    first_weekend,
    innocent_bursts,
    late_declared,
    maintenance_in_backlog,
    message_storm,
    overrun,
    planned_maintenance,
    quiet,
    region_outage,
    retry_storm,
    storm_beside_habits,
    tariff_day,
    telemetry_gap,
    two_incidents,
    undeclared,
    weather,
)
from simulator.story import Stage, Story


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: its description in a sentence, and the function that builds it."""

    name: str
    summary: str
    build_story: Callable[[Stage], Story]
    days: int = 3
    """Default length: history to learn from, then the days that are judged."""
    judged_days: int = 1
    start: str = "2026-01-05T00:00:00Z"
    """A Monday, so that the third day is a working day like the two before it."""


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("quiet", "An ordinary day: a few harmless changes, nothing wrong.", quiet.build_story),
        Scenario(
            "firewall", "A firewall change shuts the route to a User: 1,500,000 messages pile up, everyone feels it.", firewall.build_story
        ),
        Scenario(
            "message-storm", "A new system floods the DSP with erroneous requests: nobody can commission meters.", message_storm.build_story
        ),
        Scenario("day", "Two days of history, then both incidents of the problem statement and four harmless changes.", day.build_story),
        Scenario("bad-release", "A declared release gets its requests wrong: the DSP refuses them.", bad_release.build_story),
        Scenario("firmware", "New firmware makes meters raise alert after alert, more than their User can take in.", firmware.build_story),
        Scenario(
            "undeclared", "A fault of the kind that a change causes, at one User, but nobody declared a change.", undeclared.build_story
        ),
        Scenario(
            "region-outage", "A network loses a region: every User there suffers, and no User is the cause.", region_outage.build_story
        ),
        Scenario("weather", "A storm cuts the power of a region: bursts of outage alerts, no change behind them.", weather.build_story),
        Scenario("tariff-day", "Suppliers send new prices to every meter, as much as they declared.", tariff_day.build_story),
        Scenario(
            "telemetry-gap", "Our own feed is interrupted while the traffic continues: stale, not silence.", telemetry_gap.build_story
        ),
        Scenario("planned-maintenance", "DCC takes a site down as it declared: everyone's traffic dips.", planned_maintenance.build_story),
        Scenario(
            "retry-storm", "A release of the DSP refuses everyone for minutes, then everyone asks again at once.", retry_storm.build_story
        ),
        Scenario(
            "clock-change",
            "A week, then the weekend on which local time moves and UTC schedules do not; nothing is wrong.",
            clock_change.build_story,
            days=9,
            judged_days=2,
            start="2026-03-22T00:00:00Z",
        ),
        Scenario(
            "clock-change-autumn",
            "A week, then the weekend on which local time moves back and UTC schedules do not; nothing is wrong.",
            clock_change.build_story,
            days=9,
            judged_days=2,
            start="2026-10-18T00:00:00Z",
        ),
        Scenario(
            "first-weekend", "Severe trouble on the first Saturday of the data, and nothing declared.", first_weekend.build_story, days=6
        ),
        Scenario("dcc-fault", "A release of DCC refuses all requests, while ordinary batch jobs run.", dcc_fault.build_story, days=8),
        Scenario("late-declared", "A change goes wrong first and is declared afterwards.", late_declared.build_story),
        Scenario("overrun", "A User falls silent as declared and is still silent when its window is over.", overrun.build_story),
        Scenario("absent", "Changes declare effects that never appear.", absent.build_story),
        Scenario("cancelled", "A change is cancelled, and then its owner has trouble anyway.", cancelled.build_story),
        Scenario(
            "maintenance-in-backlog",
            "DCC takes a service down as declared while one User's unrelated backlog still drains.",
            maintenance_in_backlog.build_story,
        ),
        Scenario(
            "innocent-bursts",
            "Devices of a region do not answer, just after two Users ran their daily jobs.",
            innocent_bursts.build_story,
            days=5,
        ),
        Scenario("two-incidents", "The changes of two Users go wrong in the same minute, independently.", two_incidents.build_story),
        Scenario(
            "storm-beside-habits", "A tariff run as declared, while other Users have their daily dip.", storm_beside_habits.build_story
        ),
        Scenario("decoys", "One incident of any kind among many changes without effect.", decoys.build_story),
    )
}
