"""Realities: unusual features of ordinary traffic without any fault, for any scenario. A new one is a file and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.realities import (
    bimodal_nights,
    bursts,
    comings_and_goings,
    growth,
    holidays,
    nightly_surge,
    office_hours,
    spikes,
    spilt_windows,
)
from simulator.story import Stage, Story


@dataclass(frozen=True, slots=True)
class Reality:
    """A feature of ordinary traffic, its description in a sentence, and the function that applies it."""

    name: str
    summary: str
    build_story: Callable[[Stage], Story]


REALITIES: dict[str, Reality] = {
    reality.name: reality
    for reality in (
        Reality("holidays", "On the holidays of England and Wales most Users run as on a Sunday.", holidays.build_story),
        Reality("office-hours", "A third of the Users work from 8 to 18 on working days and send nothing else.", office_hours.build_story),
        Reality("bursts", "A third of the Users have batch jobs at irregular minutes, about as large each time.", bursts.build_story),
        Reality("nightly-surge", "From the second week on, traffic of some Users steps up at 22:00 each night.", nightly_surge.build_story),
        Reality("spilt-windows", "Sometimes most of a window's messages are counted in the next one.", spilt_windows.build_story),
        Reality("spikes", "Some Users send everything in one minute of each five.", spikes.build_story),
        Reality("growth", "A third of the Users grow by 2 % a day.", growth.build_story),
        Reality(
            "comings-and-goings", "Some Users start days after the others, some stop reporting for good.", comings_and_goings.build_story
        ),
        Reality("bimodal-nights", "A third of the Users have two kinds of nights, at random.", bimodal_nights.build_story),
    )
}
