"""A stock Faust agent with one EWMA rule per key, as a Python team would write it first: what the workers are measured against."""

import json
import os
import sys
import time

import faust

_ALPHA, _LIMIT, _WARM = 0.05, 6.0, 30


def app(bootstrap: str, topic: str, group: str, folder: str, seconds: float) -> faust.App:
    """The agent prints after `seconds` how many events it took and what they cost, and ends the process."""
    made = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
    )
    channel = made.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    state: dict[tuple[str, ...], list[float]] = {}

    @made.agent(channel)
    async def watch(stream: faust.Stream) -> None:
        count = 0
        began = cpu = 0.0
        async for value in stream:
            judged(state, json.loads(value))
            if count == 0:
                began, cpu = time.monotonic(), time.process_time()
            count += 1
            if count % 100 == 0 and time.monotonic() - began > seconds:
                print(json.dumps([count, time.monotonic() - began, time.process_time() - cpu]), flush=True)
                os._exit(0)

    return made


def judged(state: dict[tuple[str, ...], list[float]], event: dict[str, object]) -> None:
    """One event against the mean and deviation of its series."""
    key = (str(event["user"]), str(event["direction"]), str(event["message_class"]), str(event.get("service")), str(event.get("region")))
    value = float(str(event["messages"]))
    mean, variance, seen = state.setdefault(key, [value, 1.0, 0.0])
    if seen > _WARM and abs(value - mean) > _LIMIT * variance**0.5:
        print(f"alert {key} {event['observed_at']}", file=sys.stderr)
    difference = value - mean
    state[key] = [mean + _ALPHA * difference, (1 - _ALPHA) * (variance + _ALPHA * difference * difference), seen + 1]


if __name__ == "__main__":
    faust.Worker(app(*sys.argv[1:5], float(sys.argv[5])), loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
