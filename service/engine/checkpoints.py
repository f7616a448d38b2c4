"""Checkpoints: the whole state after one journal entry, so that a restart reads only a small part of the journal again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import StateError
from models.state_bytes import pieces, unpack
from models.whole_file import remove_unfinished, whole_file

_VERSION = 1
_SUFFIX = ".state"
KEPT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state from which the monitor continues."""

    seq: int
    """The last journal entry that it covers."""
    pipeline: bytes
    streams: tuple[str, ...]
    """Streams that were not idle."""


class Checkpoints:
    """A folder of checkpoints; the newest readable one counts, and one older checkpoint is kept in case it is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, checkpoint: Checkpoint) -> None:
        """Writes it beside the older ones, completely or not at all."""
        tree = {"seq": checkpoint.seq, "pipeline": checkpoint.pipeline, "streams": list(checkpoint.streams)}
        path = self.folder / f"{checkpoint.seq:020d}{_SUFFIX}"
        remove_unfinished(self.folder)
        with whole_file(path) as file:
            file.writelines(pieces(tree, _VERSION))
        for old in self._paths()[:-KEPT]:
            old.unlink()

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest readable one, and the errors of newer ones."""
        return self._newest(self._paths())

    def before(self, seq: int) -> Checkpoint | None:
        """The newest readable one of those that cover less than entry `seq`."""
        return self._newest([path for path in self._paths() if int(path.stem) < seq])[0]

    def drop(self, seq: int) -> None:
        """Deletes those that cover entry `seq`: it counts no longer."""
        for path in self._paths():
            if int(path.stem) >= seq:
                path.unlink()

    def _newest(self, paths: list[Path]) -> tuple[Checkpoint | None, list[str]]:
        faults = []
        for path in reversed(paths):
            try:
                tree: Any = unpack(path.read_bytes(), _VERSION)
            except (StateError, OSError) as fault:
                faults.append(f"{path}: {fault}")
                continue
            return Checkpoint(tree["seq"], tree["pipeline"], tuple(tree["streams"])), faults
        return None, faults

    def covered(self) -> int:
        """The last journal entry that even the oldest kept checkpoint covers: earlier entries are no longer needed."""
        paths = self._paths()
        return int(paths[0].stem) if len(paths) >= KEPT else 0

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}"))
