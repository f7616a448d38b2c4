"""Drafting: category and id of a change from a few words of its owner, shown for correction."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.times import parse_time
from models.vocabulary import ChangeCategory

_EMERGENCY = r"emergenc|hot ?fix|urgent fix|zero[- ]day"
_WORDS: tuple[tuple[ChangeCategory, str], ...] = (
    ("emergency", _EMERGENCY),
    ("bcdr_test", r"bcdr|disaster recovery|\bdr test|fail[- ]?over test|business continuity|second site"),
    ("firewall", r"firewall|\bwaf\b|packet filter|\bacls?\b"),
    ("meter_data_management", r"meter data|\bmdm\b|\bmdms\b|head[- ]?end|\bhes\b"),
    ("tariff", r"tariff|price cap|price change|\bpricing"),
    ("schedule", r"re-?schedul|schedules?\b|read(ing)? schedule"),
    ("firmware", r"firmware|\bota\b"),
    ("migration", r"migrat|cut[- ]?over|\bmove to\b|moving to"),
    ("network", r"network|router|switch(es)?\b|\bvpn\b|\bdns\b|load balancer|proxy|\bwan\b|\blan\b|circuit|certificat|\btls\b"),
    ("release", r"release|deploy|upgrade|new version|\bv?\d+\.\d+|go[- ]?live|patch"),
    ("planned_maintenance", r"maintenance|outage window|housekeeping"),
    ("internal_system", r"database|server|storage|operating system|backup|virtual machine|cluster"),
)


def guess_category(title: str, owner: str | None = None) -> ChangeCategory:
    """The category that the words of a title suggest; `other` if none does.

    What the DCC calls maintenance is Planned Maintenance, whatever it concerns: the SEC's duties (H8.3, H8.4) depend on that.
    """
    text = title.casefold()
    if owner == "DCC" and "maintenance" in text and not re.search(_EMERGENCY, text):
        return "planned_maintenance"
    return next((category for category, pattern in _WORDS if re.search(pattern, text)), "other")


def made_id(title: str, planned_start: str) -> str:
    """A `change_id` among the owner's own ids, the same for the same title and start. Raises Malformed if the start is not a time."""
    begins = datetime.fromtimestamp(parse_time(planned_start) / 1_000_000, UTC)
    words = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:48].strip("-")
    return f"{begins:%Y%m%dT%H%M}-{words or 'change'}"


def completed(given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields with `change_id` and `category` added where they are missing, and the names of the added fields."""
    fields, made = dict(given), []
    title, start = fields.get("title"), fields.get("planned_start")
    if not fields.get("category") and isinstance(title, str):
        fields["category"] = guess_category(title, fields.get("owner"))
        made.append("category")
    if not fields.get("change_id") and isinstance(title, str) and isinstance(start, str):
        fields["change_id"] = made_id(title, start)
        made.append("change_id")
    return fields, tuple(made)
