"""Mail and chat through Apprise: its services are built from parsed parts, never from an address that somebody wrote."""

import importlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from models.errors import Malformed
from service.notify.addresses import check_mailbox, parse_chat
from service.notify.escaping import for_service
from service.parameters import SubscriptionParameters

_PLUGINS = {
    "slack": ("apprise.plugins.slack", "NotifySlack"),
    "discord": ("apprise.plugins.discord", "NotifyDiscord"),
    "tgram": ("apprise.plugins.telegram", "NotifyTelegram"),
    "workflows": ("apprise.plugins.workflows", "NotifyWorkflows"),
}
_PLAIN_OPTIONS = {"avatar", "include_image", "include_footer", "footer"}
"""Options that would let a service fetch pictures or name the library; disabled."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to people."""

    subject: str
    text: str
    thread_id: str | None = None
    """The same for all messages of one incident to one reader."""


def send(parameters: SubscriptionParameters, channel: str, target: str, letter: Letter) -> str | None:
    """Sends one letter; returns the error, or None. It blocks: call it from a thread that may wait."""
    try:
        apprise: Any = importlib.import_module("apprise")
        service, name = _mail(apprise, parameters, target, letter) if channel == "mail" else _chat(target)
    except ImportError:
        return "mail and chat need the extra `notify`: install highwater-monitor[notify]"
    except Malformed as fault:
        return str(fault)
    if service is None:
        return "Apprise does not understand this address"
    service.redirects, service.verify_certificate = False, True
    service.socket_connect_timeout = service.socket_read_timeout = parameters.timeout_s
    for option in _PLAIN_OPTIONS & vars(service).keys():
        setattr(service, option, False)
    notifier = apprise.Apprise(service)
    title, text = for_service(name, letter.subject), for_service(name, letter.text)
    if notifier.notify(title=title, body=text, body_format="text", interpret_escapes=False):
        return None
    return "the service did not accept the message"


def _chat(target: str) -> tuple[Any, str]:
    address = parse_chat(target)
    module, name = _PLUGINS[address.service]
    plugin = getattr(importlib.import_module(module), name)
    return plugin(**address.arguments, secure=True), address.service


def _mail(apprise: Any, parameters: SubscriptionParameters, target: str, letter: Letter) -> tuple[Any, str]:
    """The operator's relay with one recipient, whose address contains nothing that could become a query."""
    if parameters.mail_url is None:
        raise Malformed("mail is not configured here: ask the operator to set serve.subscriptions.mail_url")
    check_mailbox(target)
    relay = parameters.mail_url.get_secret_value()
    service = apprise.Apprise.instantiate(f"{relay}{'&' if '?' in relay else '?'}to={quote(target, safe='@')}&format=text")
    if letter.thread_id and isinstance(getattr(service, "headers", None), dict):
        thread = f"<{letter.thread_id}@highwater.invalid>"
        service.headers.update({"In-Reply-To": thread, "References": thread})
    return service, "mail"
