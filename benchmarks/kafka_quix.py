"""Quix Streams with one EWMA rule per series; runs in an environment of its own, because it needs an older pydantic than ours."""

import json
import os
import sys
import time
from typing import Any

from quixstreams import Application, State  # type: ignore[import-not-found]  # installed by `kafka_peers.quix_streams`

_ALPHA, _LIMIT, _WARM = 0.05, 6.0, 30


class _Spent:
    """Counts events, and ends the process with a line of figures after some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._count = 0
        self._began = self._cpu = 0.0

    def add(self) -> None:
        """One more event."""
        if self._count == 0:
            self._began, self._cpu = time.monotonic(), time.process_time()
        self._count += 1
        if self._count % 100 == 0 and time.monotonic() - self._began > self._seconds:
            print(json.dumps([self._count, time.monotonic() - self._began, time.process_time() - self._cpu]), flush=True)
            os._exit(0)


def main(bootstrap: str, topic: str, group: str, folder: str, seconds: float) -> None:
    """Reads `topic` from its start; state is kept in RocksDB, as Quix Streams does by default."""
    app = Application(broker_address=bootstrap, consumer_group=group, auto_offset_reset="earliest", state_dir=folder, loglevel="ERROR")
    spent = _Spent(seconds)

    def judge(event: dict[str, Any], state: State) -> bool:
        spent.add()
        key = "/".join((event["direction"], event["message_class"], event.get("service") or "", event.get("region") or ""))
        value = float(event["messages"])
        mean, variance, seen = state.get(key, default=[value, 1.0, 0.0])
        difference = value - mean
        state.set(key, [mean + _ALPHA * difference, (1 - _ALPHA) * (variance + _ALPHA * difference * difference), seen + 1])
        return bool(seen > _WARM and abs(difference) > _LIMIT * variance**0.5)

    frame = app.dataframe(app.topic(topic, value_deserializer="json"))
    frame = frame.filter(judge, stateful=True)
    frame.update(lambda event: print(f"alert {event['user']} {event['observed_at']}", file=sys.stderr))
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:5], float(sys.argv[5]))
