"""Response codes by the side at fault: the User's own systems, or the device and the network."""

import re
from collections.abc import Mapping

_USER_SIDE = re.compile(r"E(?:[1-9]|1[0-9])")
DEVICE_SIDE = frozenset({"E20", "E21", "E30"})
"""The device or the network did not answer; the User can't prevent that."""


def count_by_side(codes: Mapping[str, int]) -> tuple[int, int]:
    """How many of the counted codes are on the User's own side (E1-E19), and on the device's or network's (E20, E21, E30)."""
    user = sum(count for code, count in codes.items() if _USER_SIDE.fullmatch(code))
    return user, sum(count for code, count in codes.items() if code in DEVICE_SIDE)
