"""Harmless changes: declared, carried out, and without any effect on traffic."""

from typing import Any

from models.times import HOUR_US
from simulator.story import Stage, Story

ROUTINE = (
    ("release", "Reporting portal release"),
    ("internal_system", "Database patching behind the customer website"),
    ("network", "Replace an access switch in the second data centre"),
    ("schedule", "Move the archive job to another hour"),
    ("firmware", "Firmware of the test fleet"),
    ("other", "Rotate the certificates of the help desk"),
    ("firewall", "Remove unused firewall rules"),
    ("meter_data_management", "Additional report in meter data management"),
    ("migration", "Move the document store to another provider"),
)
"""Categories that could be suspected are included on purpose: only their traffic can exclude them."""


def routine(stage: Stage) -> tuple[str, str]:
    """Category and title of a change that does nothing."""
    return ROUTINE[int(stage.draw.integers(len(ROUTINE)))]


def harmless_changes(stage: Stage, count: int, *, earliest: float = 1, latest: float = 21) -> Story:
    """`count` changes of DCC and of Users without a role in the scenario, starting between two local hours of the judged day."""
    free = [user.name for user in stage.world.users if user.name not in stage.cast] or ["DCC"]
    changes = []
    for number in range(count):
        owner = "DCC" if number % 4 == 3 else free[int(stage.draw.integers(len(free)))]
        category, title = routine(stage)
        start = stage.between(earliest, latest)
        changes.append(stage.change(owner, category, title, start, start + int(stage.draw.integers(1, 5)) * HOUR_US, **_duties(owner)))
    return Story(changes=tuple(changes), harmless=tuple(change.change_id for change in changes))


def bcdr_test(stage: Stage, start_us: int) -> Story:
    """DCC's test of the disaster recovery: harmless, but it may have to be postponed if something else fails."""
    change = stage.change(
        "DCC",
        "bcdr_test",
        "Disaster recovery test: fail the Data Service over to its second site",
        start_us,
        start_us + 4 * HOUR_US,
        status="confirmed",
        **_duties("DCC"),
    )
    return Story(changes=(change,), harmless=(change.change_id,))


def _duties(owner: str) -> dict[str, Any]:
    """The items that SEC H8.4 and H8.8 require of DCC."""
    if owner != "DCC":
        return {}
    return {
        "systems": ["Data Service"],
        "return_to_normal_risk": "Low: it can be stopped at any step",
        "impact_assessment": "No effect on Users expected",
        "consultation": "Announced in the month's schedule",
        "testing_opportunity": "In the User test environment, the week before",
        "security_assessment": "No change to security",
    }
