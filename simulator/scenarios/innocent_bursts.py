"""Innocent bursts: devices of a region do not answer, and a minute before a User of that day runs a job that it runs every day."""

from models.times import DAY_US, HOUR_US, MINUTE_US
from simulator.effects import Effect, Fail, Scale
from simulator.harmless import harmless_changes
from simulator.overload import DEVICE_SIDE
from simulator.scenarios.region_outage import some_region
from simulator.story import Stage, Story
from simulator.truth import Anomaly
from simulator.world import User


def build_story(stage: Stage) -> Story:
    """E20 at everybody with devices in the region, by a change of DCC for every second seed; three harmless changes of Users."""
    region = some_region(stage)
    start = stage.between(9, 15)
    onset = start + stage.minutes(1, 12)
    ends = onset + stage.minutes(25, 90)
    change = stage.change(
        "DCC",
        "network",
        f"Update of the gateway to the network of region {region}",
        start,
        start + 3 * HOUR_US,
        regions=[region],
        return_to_normal_risk="Low: the former release can be put back",
    )
    declared = stage.draw.random() < 0.5
    suspects = tuple(stage.choose("large supplier", "small supplier") for _ in range(2))
    jobs = tuple(effect for user in suspects for effect in _job(stage, user, onset - stage.minutes(1, 3)))
    fault = _devices_do_not_answer(stage, region, (onset, ends), change.change_id if declared else None)
    declared_change = Story(changes=(change,)) if declared else Story()
    return Story(jobs) + fault + declared_change + harmless_changes(stage, 3, earliest=8, latest=15)


def _job(stage: Stage, user: User, last_us: int) -> list[Effect]:
    """Three to six times the User's reads for some minutes, about this time on every day, the last one at that very minute."""
    reads = stage.world.select(user=user.name, direction="to_dsp", message_class="service_request")
    factor, lasts = float(stage.draw.uniform(3, 6)), stage.minutes(4, 9)
    days = (stage.timeline.last_day_us - stage.timeline.start_us) // DAY_US
    starts = [last_us - day * DAY_US + stage.minutes(0, 40) - 20 * MINUTE_US for day in range(1, days + 1)]
    return [
        Scale(reads, *stage.timeline.curve(start, start + lasts, factor=factor * float(stage.draw.uniform(0.9, 1.1))))
        for start in (*starts, last_us)
    ]


def _devices_do_not_answer(stage: Stage, region: str, span: tuple[int, int], cause: str | None) -> Story:
    there = stage.world.select(region=region, message_class="service_response")
    first, last = stage.timeline.index(span[0]), stage.timeline.index(span[1])
    failed = Fail(there, first, last, float(stage.draw.uniform(0.3, 0.7)), DEVICE_SIDE)
    names = {stage.world.traffic[index].user for index in there.nonzero()[0].tolist()}
    suffering = tuple(user for user in stage.world.users if user.name in names)
    whole = Anomaly("dcc-fault", ("failures",), None, *span, caused_by=cause, region=region)
    return Story((failed,), anomalies=(whole, *stage.suffering(suffering, span, cause=cause, origin=None, name="dcc-fault")))
