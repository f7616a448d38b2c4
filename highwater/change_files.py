"""Calendar files given to a command: the changes in them, and messages about rows that can't be used."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.change import Change


def declared(paths: Sequence[Path]) -> tuple[list["Change"], int]:
    """The changes of all files in order, and the number of unusable rows and of revisions in conflict.

    Each of those is reported on stderr. Raises UnreadableInput.
    """
    from changes.files.merge import merge
    from changes.files.reader import describe, read_changes

    known: list[Change] = []
    bad = 0
    for path in paths:
        good, rejected = read_changes(path)
        known += good
        bad += len(rejected)
        for row in rejected:
            print(f"highwater: {describe(row)}", file=sys.stderr)
    conflicts = merge(known).disagreements
    for conflict in conflicts:
        print(f"highwater: {conflict.text}", file=sys.stderr)
    return known, bad + len(conflicts)
