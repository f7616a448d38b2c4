"""Escaping: text that others wrote, made harmless for the service that shows it."""

import re
from collections.abc import Callable, Mapping

_ZERO_WIDTH = "\u200b"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+~|>])")
_MENTION = re.compile(r"[@<]")
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "[": "\uff3b", "]": "\uff3d"})


def for_service(service: str, text: str) -> str:
    """`text` as the service `service` shows it word for word: no markup, no link, nobody called by it.

    Apprise escapes what it sends as plain text to Slack and Telegram, and the body for Teams; the rest is ours.
    """
    return _ESCAPES.get(service, _without_mentions)(text)


def _discord(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _without_mentions(text))


def _teams(text: str) -> str:
    """Adaptive cards read a part of Markdown, and `<at>` as a call; signs that look alike are read as text in title and body."""
    return text.translate(_LOOKALIKES)


def _without_mentions(text: str) -> str:
    return _MENTION.sub(lambda found: found[0] + _ZERO_WIDTH, text)


def _unchanged(text: str) -> str:
    return text


_ESCAPES: Mapping[str, Callable[[str], str]] = {
    "slack": lambda text: text.replace("@", "@" + _ZERO_WIDTH),
    "discord": _discord,
    "workflows": _teams,
    "tgram": _unchanged,
    "mail": _unchanged,  # sent as text/plain
    "pagerduty": _unchanged,  # JSON fields that PagerDuty and Opsgenie show as text
    "opsgenie": _unchanged,
}
