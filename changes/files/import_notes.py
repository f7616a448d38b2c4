"""Notes on an import: what can be read and is hardly meant, such as record ids in the place of names, or several names in one."""

import re
from collections.abc import Collection
from operator import attrgetter

from models.change import Change

_SCOPE = ("services", "regions", "queues")
_JOINED = re.compile(r"[,|/\n]")
"""Signs that stand in no service, region or queue, and between several of them in other systems' tables."""
_CANCELLED = re.compile(r"\s*(cancell?ed|abgesagt|annul[ée]e?)\s*:", re.IGNORECASE)
"""What calendar programs put before the title of a meeting that was cancelled, in a table without a status."""
_SYS_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def opaque_names(changes: Collection[Change]) -> list[str]:
    """One line for people about each field that holds record ids: a change of such an owner never meets the traffic of a User."""
    owners = set(filter(_SYS_ID.fullmatch, {change.owner for change in changes}))
    systems = set(filter(_SYS_ID.fullmatch, set().union(*(change.systems for change in changes))))
    return [
        f"note: `{name}` holds {len(ids)} record id{'s' if len(ids) > 1 else ''} in place of names (such as {min(ids)}): "
        "export display values too, or translate them in the mapping file"
        for name, ids in (("owner", owners), ("systems", systems))
        if ids
    ]


def joined_names(changes: Collection[Change]) -> list[str]:
    """One line for people about each field in which one name looks like several: the change would speak for traffic that does not exist."""
    joined = {field: set(filter(_JOINED.search, set().union(*map(attrgetter(field), changes)))) for field in _SCOPE}
    return [
        f"note: `{field}` holds {min(names)!r} as one name: separate several by `;` (in a mapping file: `list_separator`)"
        for field, names in joined.items()
        if names
    ]


def doubtful_events(changes: Collection[Change]) -> list[str]:
    """One line for people about changes in force whose title says that they are cancelled, and one about those without a length."""
    in_force = [one for one in changes if one.explains]
    cancelled = [one.change_id for one in in_force if _CANCELLED.match(one.title)]
    empty = [one.change_id for one in in_force if one.planned_start == one.planned_end]
    texts = (
        (cancelled, "cancelled by the title and in force by `status`: cancel them, or take them out of the export"),
        (empty, "without a length, so that nothing happens during them: give them an end"),
    )
    return [f"note: {len(ids)} change{'s' if len(ids) > 1 else ''} (such as {ids[0]}) {text}" for ids, text in texts if ids]


def notes_on(changes: Collection[Change]) -> list[str]:
    """All of these."""
    return [*opaque_names(changes), *joined_names(changes), *doubtful_events(changes)]
