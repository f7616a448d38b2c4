"""Holidays: days off that are not weekends, by the law of a country and by the settings of an installation."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from models.errors import HighwaterError

NONE = "none"
_ADVICE = "set time.holidays to a code such as GB-ENG or GB-SCT, or none"
PATTERN = r"^(none|[A-Z]{2}(-[A-Z0-9]{1,3})?)$"


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """`region`: an ISO 3166 code of the package `holidays` (`GB-ENG`: England and Wales), or `none`; `extra`: additional days."""

    region: str = "GB-ENG"
    extra: tuple[date, ...] = ()
    _lawful: dict[int, frozenset[date]] = field(default_factory=dict, compare=False, repr=False)
    """The holidays of each requested year."""

    def __contains__(self, day: date) -> bool:
        """Whether that day is a holiday. Raises HighwaterError if the region is unknown."""
        if day.year not in self._lawful:
            self._lawful[day.year] = self._of_year(day.year)
        return day in self.extra or day in self._lawful[day.year]

    def _of_year(self, year: int) -> frozenset[date]:
        if self.region == NONE:
            return frozenset()
        # Imported here: the package takes a second to load, which only detection needs to spend.
        from holidays import country_holidays

        country, _, part = self.region.partition("-")
        try:
            return frozenset(country_holidays(country, subdiv=part or None, years=year))
        except NotImplementedError:
            raise HighwaterError(f"no holidays are known for {self.region!r}: {_ADVICE}") from None


def _known(region: str) -> str:
    if region not in (NONE, HolidayCalendar().region):  # these need no look into the package, which takes a second to load
        try:
            HolidayCalendar(region)._of_year(2026)
        except HighwaterError:
            raise ValueError(f"no holidays are known for it: {_ADVICE}") from None
    return region


HolidayRegion = Annotated[str, AfterValidator(_known)]
"""A region whose holidays are known, or `none`."""
