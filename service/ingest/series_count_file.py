"""Series count file: what each token has reported, in the data folder, so that a restart does not begin the count again."""

import threading
from pathlib import Path

import structlog

from models.errors import StateError
from models.state_bytes import pack, unpack
from models.whole_file import remove_unfinished, whole_file
from service.ingest.series_quota import SeriesQuota

NAME = "series-count.state"
_VERSION = 2
"""Version 1 named series in a way in which two could look the same."""
_EVERY_S = 60.0
log = structlog.get_logger()


class SeriesCountFile:
    """Written every minute and at the end. A monitor that is killed loses the count of its last minute at most."""

    def __init__(self, folder: Path, quota: SeriesQuota, every_s: float = _EVERY_S) -> None:
        self._path, self._quota, self._every_s = folder / NAME, quota, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="series count", daemon=True)

    def read(self) -> None:
        """Continues the count. A file that is missing or can't be read counts nothing."""
        remove_unfinished(self._path.parent, NAME)
        try:
            self._quota.restore(unpack(self._path.read_bytes(), _VERSION))
        except FileNotFoundError:
            return
        except (OSError, StateError, LookupError, TypeError, ValueError) as fault:
            log.warning("the series of each token are counted from nothing: the file can't be read", file=str(self._path), fault=str(fault))

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def close(self) -> None:
        """Writes it for the last time."""
        self._stop.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._write()

    def _write(self) -> None:
        tree = self._quota.pack_if_changed()
        if tree is None:
            return
        try:
            with whole_file(self._path) as file:
                file.write(pack(tree, _VERSION))
        except OSError as fault:
            self._quota.pack_again()
            log.warning("the count of series could not be written, trying again in a minute", fault=str(fault))
