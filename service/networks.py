"""Networks: whose address a request or a connection counts for, and which proxies are believed when they name one."""

import ipaddress
from collections.abc import Sequence

_NETWORK_BITS = 64
"""Of an IPv6 address: one sender has all addresses of such a network."""
_MAPPED_BITS = 96
"""Bits before the IPv4 address in an IPv6 address of a socket that serves both."""
UNKNOWN = "unknown"


def network_of(address: str | None) -> str:
    """What requests of one sender are counted by: the IPv4 address, the /64 network of an IPv6 address, or `unknown`."""
    parsed = _parsed(address)
    if parsed is None:
        return UNKNOWN
    return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False)) if parsed.version == 6 else str(parsed)


def is_loopback(address: str | None) -> bool:
    """Whether it is an address of this machine."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def proxy_networks(entries: Sequence[str]) -> tuple[str, ...]:
    """The entries as networks, and IPv4 ones also as a socket for both versions names them. Raises ValueError for anything else."""
    networks = [ipaddress.ip_network(entry.strip()) for entry in entries]
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("a proxy has an address or a network: whoever can reach the monitor could otherwise name any address as its own")
    mapped = [f"::ffff:{one.network_address}/{_MAPPED_BITS + one.prefixlen}" for one in networks if one.version == 4]
    return (*map(str, networks), *mapped)


def _parsed(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed
