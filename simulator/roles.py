"""Roles: the kinds of User, how busy each is, and the series of its traffic."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from simulator.profiles import Family

Region = Literal["home", "second", "none"]
REGIONS = ("central", "north", "smets1", "south")
REGION_WEIGHTS = (0.3, 0.3, 0.15, 0.25)


class Part(NamedTuple):
    """One series of a role: its share of the User's traffic and its course over the week."""

    direction: str
    message_class: str
    service: str
    region: Region
    share: float
    family: Family


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of User. The k-th busiest User of a role sends and receives `busiest_per_s` · k^-`decline` messages a second."""

    name: str
    prefix: str
    in_sixty: int
    """The number of Users with this role among 60 Users."""
    busiest_per_s: float
    decline: float
    parts: tuple[Part, ...]
    capacity_floor: int
    """The minimum capacity of its outbound queue, messages."""


def _exchange(service: str, region: Region, family: Family, *, ask: float, answer: float, signed: bool = False) -> tuple[Part, Part]:
    """A request to the DSP and its responses."""
    request = "signed_pre_command" if signed else "service_request"
    return Part("to_dsp", request, service, region, ask, family), Part("to_user", "service_response", service, region, answer, family)


def _alert(message_class: str, code: str, region: Region, share: float, family: Family = "alerts") -> Part:
    return Part("to_user", message_class, code, region, share, family)


_ACKNOWLEDGED = Part("to_user", "acknowledgement", "", "none", 0.06, "mixed")

_LARGE = (
    *_exchange("4.8.1", "home", "reads", ask=0.08, answer=0.22),
    Part("to_user", "service_response", "4.8.1", "second", 0.15, "reads"),
    *_exchange("2.2", "second", "vends", ask=0.05, answer=0.05),
    *_exchange("8.1.1", "home", "installs", ask=0.03, answer=0.03, signed=True),
    Part("to_dsp", "signed_pre_command", "1.1.1", "none", 0.02, "office"),
    _alert("device_alert", "8F12", "home", 0.27),
    _alert("dcc_alert", "N12", "second", 0.04),
    _ACKNOWLEDGED,
)
_SMALL = (
    *_exchange("4.6.1", "home", "reads", ask=0.09, answer=0.3),
    *_exchange("2.2", "second", "vends", ask=0.07, answer=0.07),
    *_exchange("8.1.1", "home", "installs", ask=0.04, answer=0.04, signed=True),
    Part("to_dsp", "signed_pre_command", "1.1.1", "none", 0.03, "office"),
    _alert("device_alert", "810D", "second", 0.26, "vends"),
    _alert("dcc_alert", "N16", "home", 0.04),
    _ACKNOWLEDGED,
)
_ELECTRICITY_NETWORK = (
    *_exchange("4.10", "home", "reads", ask=0.05, answer=0.12),
    *_exchange("7.4", "home", "office", ask=0.03, answer=0.03),
    *_exchange("8.2", "home", "installs", ask=0.03, answer=0.03),
    _alert("device_alert", "8002", "home", 0.4),
    _alert("device_alert", "8F35", "home", 0.08),
    _alert("device_alert", "8F36", "home", 0.1),
    _alert("dcc_alert", "AD1", "home", 0.07),
    _ACKNOWLEDGED,
)
_GAS_NETWORK = (
    *_exchange("4.17", "home", "reads", ask=0.1, answer=0.3),
    *_exchange("8.2", "home", "installs", ask=0.07, answer=0.07),
    *_exchange("6.13", "home", "office", ask=0.05, answer=0.05),
    _alert("device_alert", "8F1D", "home", 0.26),
    _alert("dcc_alert", "N12", "home", 0.04),
    _ACKNOWLEDGED,
)
_OTHER = (
    *_exchange("4.8.1", "home", "reads", ask=0.12, answer=0.36),
    *_exchange("4.17", "second", "reads", ask=0.07, answer=0.18),
    *_exchange("8.2", "home", "installs", ask=0.08, answer=0.08),
    _alert("dcc_alert", "N42", "second", 0.05),
    _ACKNOWLEDGED,
)
_AGENT = (
    *_exchange("6.2.4", "home", "office", ask=0.2, answer=0.2),
    *_exchange("8.2", "home", "installs", ask=0.15, answer=0.15),
    _alert("device_alert", "8F12", "home", 0.24),
    _ACKNOWLEDGED,
)

ROLES = (
    Role("large supplier", "SUPPLIER-L", 6, 260.0, 0.8, _LARGE, 2_000_000),
    Role("small supplier", "SUPPLIER-S", 24, 22.0, 0.45, _SMALL, 200_000),
    Role("electricity network", "NETWORK-E", 14, 13.0, 0.3, _ELECTRICITY_NETWORK, 200_000),
    Role("gas network", "NETWORK-G", 3, 6.0, 0.3, _GAS_NETWORK, 100_000),
    Role("other User", "OTHER-", 11, 12.0, 0.4, _OTHER, 100_000),
    Role("registered supplier agent", "AGENT-", 2, 7.0, 0.3, _AGENT, 100_000),
)
"""60 Users at some 1,300 messages a second on average, the rate of late 2022; the largest carries 20 % of it."""
