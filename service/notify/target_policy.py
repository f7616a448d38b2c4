"""Allowed targets of messages: never an internal address, whatever a name resolves to at the moment of connecting."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from models.errors import Malformed
from service.parameters import SubscriptionParameters

_HOST = re.compile(r"[^A-Za-z0-9._:-]", re.ASCII)
"""What no host has; the colons are those of an IPv6 address."""

_GIVEN_OUT_6, _EXAMPLES_6 = ipaddress.ip_network("2000::/3"), ipaddress.ip_network("3fff::/20")
"""Of IPv6 only this part is given out to the public; some versions of Python count site-local addresses and examples as public."""


class RefusedTargetError(OSError):
    """The name resolves to an address that is not allowed."""


def refused(address: str) -> str | None:
    """Why an IP address is not allowed; None if it is. Only plain public unicast addresses are."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "is not an IP address"
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [part for part in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if part is not None]
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        elif ip.ipv4_mapped is None and (ip not in _GIVEN_OUT_6 or ip in _EXAMPLES_6):
            return "is private, local or reserved"
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
    """The socket factory of the connector; None if everything is allowed."""
    return None if parameters.allow_private_targets else guarded_socket


def check_webhook(url: str, parameters: SubscriptionParameters) -> None:
    """Refuses targets that are recognisable by the address alone. Raises Malformed."""
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in ' "<>\\^`{|}'):
        raise Malformed("target must be one address in plain ASCII: no spaces and no control characters; encode others as %XX")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise Malformed(f"target is not an address: {fault}") from None
    schemes = ("https", "http") if parameters.allow_private_targets else ("https",)
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise Malformed("target must be an https address, such as https://hooks.example.com/highwater")
    if _HOST.search(parts.hostname):
        raise Malformed("target must name its host in letters, digits, dots and hyphens")
    if parts.username or parts.password or parts.fragment or len(url) > 2000:
        raise Malformed("target must not carry a user, a password or a fragment, nor be longer than 2,000 characters")
    if not parameters.allow_private_targets and (
        _literal(parts.hostname) or parts.hostname.rstrip(".").lower().endswith(("localhost", ".local", ".internal"))
    ):
        raise Malformed("target must be a public name: private and local addresses are refused")


def _literal(host: str) -> bool:
    """Whether the host is a refused IP address (names are checked when they are resolved)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit() or host.lower().startswith("0x")
    return refused(host) is not None
