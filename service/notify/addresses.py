"""Addresses of chat services and mailboxes: parsed into known parts; everything else in them is ignored or refused.

A subscriber writes an address in Apprise's form (`slack://A/B/C`). The outgoing address is built from its parts by Highwater: no option of
Apprise's, such as a template to fetch, a timeout or a second address, can be part of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from models.errors import Malformed
from service.parameters import SubscriptionParameters

_MICROSOFT = (".logic.azure.com", ".logic.azure.us", ".api.powerplatform.com", ".api.powerplatform.us", ".api.appsplatform.us")
"""The hosts of Microsoft Teams' workflows: the only service here whose address names a host."""
_SLACK_BOT = re.compile(r"(?:xoxe\.)?xox[abp]-[A-Za-z0-9-]{1,250}", re.ASCII)
_SLACK_PART = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
_SLACK_CHANNEL = re.compile(r"#?[A-Za-z0-9_-]{1,80}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,300}", re.ASCII)
_BOT = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}", re.ASCII)
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII)
_MAILBOX = re.compile(
    r"[A-Za-z0-9._+'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ChatAddress:
    """A chat service and the arguments of its sender."""

    service: str
    arguments: Mapping[str, Any]


def parse_chat(address: str) -> ChatAddress:
    """The parts of one address. Raises Malformed for an unknown service and for anything besides the parts of a known one."""
    scheme, sign, rest = address.partition("://")
    service = scheme.lower()
    parse = SERVICES.get(service)
    if not sign or parse is None:
        raise Malformed(f"target must be one address of {', '.join(SERVICES)}")
    if len(address) > 2000 or not rest.isascii() or any(mark in rest for mark in "?&%\\,; \t\r\n"):
        raise Malformed("target must be one address without options: no `?`, no spaces, no list")
    arguments = parse([part for part in rest.split("/") if part])
    if arguments is None:
        raise Malformed(f"target is not an address of {service}: write it like {EXAMPLES[service]}")
    return ChatAddress(service, arguments)


def check_chat(address: str, parameters: SubscriptionParameters) -> None:
    """One address of a service that the operator allows. Raises Malformed."""
    if parse_chat(address).service not in parameters.chat_schemes:
        raise Malformed(f"target must be one address of {', '.join(parameters.chat_schemes)}")


def check_mail(address: str, parameters: SubscriptionParameters) -> None:
    """One plain mailbox, if the operator has configured a relay. Raises Malformed."""
    if parameters.mail_url is None:
        raise Malformed("mail is not configured here: ask the operator to set serve.subscriptions.mail_url")
    check_mailbox(address)


def check_mailbox(address: str) -> None:
    """One plain mailbox, ASCII, without quotes, comments or percent signs. Raises Malformed."""
    local = address.partition("@")[0]
    if len(address) > 254 or not _MAILBOX.fullmatch(address) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise Malformed("target must be one mail address, such as desk@example.com")


def _slack(parts: list[str]) -> dict[str, Any] | None:
    if parts and _SLACK_BOT.fullmatch(parts[0]):
        channels = parts[1:]
        tokens: dict[str, Any] = {"access_token": parts[0]}
        if not channels:
            return None
    else:
        channels = parts[3:]
        if len(parts) < 3 or not all(map(_SLACK_PART.fullmatch, parts[:3])):
            return None
        tokens = dict(zip(("token_a", "token_b", "token_c"), parts[:3], strict=True))
    if len(channels) > 5 or not all(map(_SLACK_CHANNEL.fullmatch, channels)):
        return None
    return {**tokens, "targets": [f"#{channel.removeprefix('#')}" for channel in channels]}


def _discord(parts: list[str]) -> dict[str, Any] | None:
    if len(parts) != 2 or not parts[0].isdigit() or not all(map(_PLAIN.fullmatch, parts)):
        return None
    return {"webhook_id": parts[0], "webhook_token": parts[1]}


def _telegram(parts: list[str]) -> dict[str, Any] | None:
    if not 2 <= len(parts) <= 6 or not _BOT.fullmatch(parts[0].removeprefix("bot")) or not all(map(_CHAT.fullmatch, parts[1:])):
        return None
    return {"bot_token": parts[0].removeprefix("bot"), "targets": parts[1:], "detect_owner": False}


def _workflows(parts: list[str]) -> dict[str, Any] | None:
    if len(parts) != 3 or not _HOST.fullmatch(parts[0]) or not all(map(_PLAIN.fullmatch, parts[1:])):
        return None
    split = urlsplit(f"https://{parts[0]}")
    host = (split.hostname or "").rstrip(".").lower()
    if not host.endswith(_MICROSOFT):
        raise Malformed(f"target must be a workflow of Microsoft's: its host ends in {', '.join(_MICROSOFT)}")
    if split.port not in (None, 443):
        return None
    return {"host": host, "port": 443, "workflow": parts[1], "signature": parts[2]}


def _pagerduty(parts: list[str]) -> dict[str, Any] | None:
    key, _, _ = parts[0].partition("@") if parts else ("", "", "")
    return {"routing_key": key} if len(parts) == 1 and _PLAIN.fullmatch(key) else None


def _opsgenie(parts: list[str]) -> dict[str, Any] | None:
    return {"api_key": parts[0]} if len(parts) == 1 and _PLAIN.fullmatch(parts[0]) else None


SERVICES: Mapping[str, Callable[[list[str]], dict[str, Any] | None]] = {
    "slack": _slack,
    "workflows": _workflows,
    "discord": _discord,
    "tgram": _telegram,
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
}
EXAMPLES = {
    "slack": "slack://TokenA/TokenB/TokenC or slack://xoxb-…/#channel",
    "workflows": "workflows://prod-01.uksouth.logic.azure.com:443/workflow/signature",
    "discord": "discord://webhook-id/webhook-token",
    "tgram": "tgram://123456789:bot-token/chat-id",
    "pagerduty": "pagerduty://integration-key",
    "opsgenie": "opsgenie://api-key",
}
MACHINES = frozenset({"pagerduty", "opsgenie"})
"""Services that keep an alert open until they receive its end."""
