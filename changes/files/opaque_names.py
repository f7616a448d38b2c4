"""Opaque names: record ids of the exporting system in the place of names that people know."""

import re
from collections.abc import Iterable

from models.change import Change

_SYS_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def opaque_names(changes: Iterable[Change]) -> list[str]:
    """One line for people about each field that holds record ids: a change of such an owner never meets the traffic of a User."""
    owners, systems = set(), set()
    for change in changes:
        owners |= {change.owner} if _SYS_ID.fullmatch(change.owner) else set()
        systems |= {name for name in change.systems if _SYS_ID.fullmatch(name)}
    return [
        f"note: `{name}` holds {len(ids)} record id{'s' if len(ids) > 1 else ''} in place of names (such as {min(ids)}): "
        "export display values too, or translate them in the mapping file"
        for name, ids in (("owner", owners), ("systems", systems))
        if ids
    ]
