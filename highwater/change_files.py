"""Calendar files that a command was given: what they declare; what can't be used is said."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.change import Change


def declared(paths: Sequence[Path]) -> tuple[list["Change"], int]:
    """The changes of all files in order, and how many rows can't be used, each said on stderr. Raises UnreadableInput."""
    from changes.files.reader import describe, read_changes

    known: list[Change] = []
    bad = 0
    for path in paths:
        good, rejected = read_changes(path)
        known += good
        bad += len(rejected)
        for row in rejected:
            print(f"highwater: {describe(row)}", file=sys.stderr)
    return known, bad
