"""Detection parameters: the budget of false alarms, from which every threshold follows."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from detectors.holidays import HolidayCalendar


class DetectionParameters(BaseModel):
    """The settings of detection; there is no setting per series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_alarms_per_day: float = Field(
        default=0.1, gt=0, le=1_000_000, description="Alerts of `warning` and above that noise alone may raise a day, over the whole fleet"
    )
    fleet_series: int = Field(
        default=10_000,
        ge=1,
        description="Series that share the budget, over all processes; never inferred from what one process sees",
    )
    civil_time: str = Field(
        default="Europe/London",
        pattern="^(Europe/London|UTC)$",
        description="The time zone that people live by; its daylight saving shifts their traffic against schedules in UTC",
    )
    accept_after_s: int = Field(
        default=86_400, ge=3600, description="How long a new level must last before it becomes the normal one and is reported as drift"
    )
    _holidays: HolidayCalendar = PrivateAttr(default_factory=HolidayCalendar)

    @property
    def holidays(self) -> HolidayCalendar:
        """Days of a separate kind; set by the section `time`, because other parts use the calendar too."""
        return self._holidays

    def with_holidays(self, holidays: HolidayCalendar) -> Self:
        """The same parameters with another calendar."""
        other = self.model_copy()
        other._holidays = holidays
        return other
