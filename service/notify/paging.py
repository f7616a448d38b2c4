"""Paging: one alert's message in the form of PagerDuty's Events API v2 and Opsgenie's alert API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from models.vocabulary import SEVERITIES

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
OPSGENIE_URL = "https://api.opsgenie.com/v2/alerts"
_PRIORITIES = {"critical": "P1", "warning": "P3", "info": "P5"}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP POST."""

    url: str
    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """The content about one alert."""

    dedup_key: str
    sequence: int
    is_over: bool
    severity: str
    subject: str
    text: str
    source: str
    link: str | None


def pagerduty(page: Page, routing_key: str, url: str = PAGERDUTY_URL) -> Call:
    """`trigger` while it is open (again for each change: PagerDuty merges by `dedup_key`), `resolve` when it is over."""
    body: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if page.is_over else "trigger",
        "dedup_key": page.dedup_key,
    }
    if not page.is_over:
        body["payload"] = {
            "summary": page.subject[:1024],
            "source": page.source,
            "severity": page.severity if page.severity in SEVERITIES else "warning",
            "custom_details": {"text": page.text, "sequence": page.sequence},
        }
        if page.link:
            body["links"] = [{"href": page.link, "text": "Open in Highwater"}]
    return Call(url, body, {})


def opsgenie(page: Page, api_key: str, url: str = OPSGENIE_URL) -> Call:
    """Created under its alias while it is open, closed by it when it is over."""
    headers = {"authorization": f"GenieKey {api_key}"}
    if page.is_over:
        return Call(f"{url}/{quote(page.dedup_key, safe='')}/close?identifierType=alias", {"note": page.text[:25_000]}, headers)
    body = {
        "alias": page.dedup_key,
        "message": page.subject[:130],
        "description": page.text[:15_000],
        "priority": _PRIORITIES.get(page.severity, "P3"),
        "source": page.source,
        "details": {"sequence": str(page.sequence), **({"link": page.link} if page.link else {})},
    }
    return Call(url, body, headers)
