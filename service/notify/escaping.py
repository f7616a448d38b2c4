"""Escaping: text of other people, made harmless for the service that shows it."""

import re
from collections.abc import Callable, Mapping

_ZERO_WIDTH = "\u200b"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+~|>])")
_MENTION = re.compile(r"[@<]")
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "[": "\uff3b", "]": "\uff3d"})


def for_service(service: str, text: str) -> str:
    """`text` so that the service `service` shows it literally: no markup, no link, no mention.

    Apprise escapes what it sends as plain text to Slack and Telegram, and the body for Teams; everything else is escaped here.
    """
    return _ESCAPES.get(service, _without_mentions)(text)


def _discord(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _without_mentions(text))


def _teams(text: str) -> str:
    """Adaptive cards interpret a part of Markdown, and `<at>` as a mention; similar characters are shown as text in title and body."""
    return text.translate(_LOOKALIKES)


def _without_mentions(text: str) -> str:
    return _MENTION.sub(lambda match: match[0] + _ZERO_WIDTH, text)


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
