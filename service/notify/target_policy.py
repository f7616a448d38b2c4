"""Where messages may go: never to an address inside, however a name resolves at the moment of connecting."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from models.errors import Malformed
from service.parameters import SubscriptionParameters


class RefusedTargetError(OSError):
    """The name leads to an address that messages may not go to."""


def refused(address: str) -> str | None:
    """Why an IP address may not be connected to; None if it may. Only plain public unicast addresses pass."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "is no IP address"
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [part for part in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if part is not None]
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    for one in inner:
        if not one.is_global or one.is_multicast or one.is_reserved or one.is_unspecified:
            return "is private, local or reserved"
    return None


def guarded_socket(info: tuple[Any, Any, Any, Any, Sequence[Any]]) -> socket.socket:
    """A socket for aiohttp's connector, for the very address that it is about to connect to. Raises RefusedTargetError."""
    family, kind, protocol, _, address = info
    why = refused(str(address[0]))
    if why:
        raise RefusedTargetError(f"the target's address {why}")
    return socket.socket(family, kind, protocol)


def socket_factory(parameters: SubscriptionParameters) -> Callable[[Any], socket.socket] | None:
    """What the connector makes its sockets with; None where everything is allowed."""
    return None if parameters.allow_private_targets else guarded_socket


def check_webhook(url: str, parameters: SubscriptionParameters) -> None:
    """Refuse what can be told from the address alone. Raises Malformed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise Malformed(f"target is no address: {fault}") from None
    schemes = ("https", "http") if parameters.allow_private_targets else ("https",)
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise Malformed("target must be an https address, such as https://hooks.example.com/highwater")
    if parts.username or parts.password or parts.fragment or len(url) > 2000:
        raise Malformed("target must not carry a user, a password or a fragment, nor be longer than 2,000 characters")
    if not parameters.allow_private_targets and (
        _literal(parts.hostname) or parts.hostname.rstrip(".").lower().endswith(("localhost", ".local", ".internal"))
    ):
        raise Malformed("target must be a public name: private and local addresses are refused")


def _literal(host: str) -> bool:
    """Whether the host is an address that is refused (names are judged when they are resolved)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit() or host.lower().startswith("0x")
    return refused(host) is not None


_MICROSOFT = (".logic.azure.com", ".logic.azure.us", ".api.powerplatform.com", ".api.powerplatform.us", ".api.appsplatform.us")
"""Where Microsoft Teams' workflows are called: the one service of ours whose address names a host."""


def check_chat(url: str, parameters: SubscriptionParameters) -> None:
    """One address of a service whose hosts are fixed. Raises Malformed."""
    scheme, sign, rest = url.partition("://")
    # Apprise takes `slack://…, json://10.0.0.1` for two addresses, and reads a list of them from a file or a web page.
    one = sign and "://" not in rest and not any(mark in url for mark in ", ;\t\r\n\\")
    if not one or scheme.lower() not in parameters.chat_schemes or len(url) > 2000:
        raise Malformed(f"target must be one Apprise address of {', '.join(parameters.chat_schemes)}")
    if scheme.lower() == "workflows" and not _host(rest).endswith(_MICROSOFT):
        raise Malformed(f"target must be a workflow of Microsoft's: its host ends in {', '.join(_MICROSOFT)}")


def _host(rest: str) -> str:
    try:
        return (urlsplit(f"https://{rest}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def check_mail(address: str, parameters: SubscriptionParameters) -> None:
    """One plain mailbox, where the operator has set a relay. Raises Malformed."""
    if parameters.mail_url is None:
        raise Malformed("mail is not set up here: ask the operator to set serve.subscriptions.mail_url")
    local, at, domain = address.partition("@")
    if not (local and at and "." in domain) or any(sign in address for sign in " ,;?&/\\<>\"'\r\n") or len(address) > 320:
        raise Malformed("target must be one mail address, such as desk@example.com")
