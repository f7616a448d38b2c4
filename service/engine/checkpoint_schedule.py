"""When a checkpoint is due: it costs its size in writes, and a late one makes the restart longer."""

from models.clock import Clock

_MUCH_BYTES = 32_000_000
"""Bytes of events that a restart would judge again: about a second of work."""


class CheckpointSchedule:
    """Time, input and work since the last checkpoint."""

    def __init__(self, clock: Clock, every_s: float, recovery_work_s: float) -> None:
        self._clock, self._every_s, self._recovery_work_s = clock, every_s, recovery_work_s
        self.written_s = clock.steady_s()
        self.uncovered_bytes = 0
        """Bytes of events since the last checkpoint."""
        self.work_s = 0.0
        """Work since the last checkpoint, which a restart would repeat."""

    def restart(self) -> None:
        """Counts from now on."""
        self.written_s, self.uncovered_bytes, self.work_s = self._clock.steady_s(), 0, 0.0

    def is_due(self) -> bool:
        """Whether to write one now; earlier after much input or work."""
        waited_s = self._clock.steady_s() - self.written_s
        much = self.uncovered_bytes >= _MUCH_BYTES or self.work_s >= self._recovery_work_s
        return waited_s >= self._every_s or (waited_s >= self._every_s / 4 and much) or self.work_s >= 2 * self._recovery_work_s
