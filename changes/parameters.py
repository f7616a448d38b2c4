"""The operator's settings of the change calendar: freezes, capacity, the SEC's figures, a folder to watch."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from changes.planning.freezes import FreezeParameters
from changes.planning.load import PEAKS
from changes.planning.sec_limits import SecParameters


class ChangesParameters(BaseModel):
    """The change calendar (`[changes]`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    watch: Path | None = Field(None, description="Folder whose calendar files are read when they appear there (serve)")
    watch_every_s: int = Field(10, ge=1, description="How often that folder is checked, in seconds")
    freezes: tuple[FreezeParameters, ...] = Field(
        (), description="Days without changes: name, first_day, last_day, reason, parties, except_categories, except_changes"
    )
    capacity_per_s: float | None = Field(None, gt=0, description="Capacity in messages a second; without it capacity_peaks counts")
    capacity_peaks: float = Field(PEAKS, gt=0, description="Capacity as a multiple of the usual total of the busiest hour (our default)")
    sec: SecParameters = SecParameters()
