"""Our decoder beside msgspec, orjson and pyarrow, as ratios of CPU time within one run: `python -m benchmarks.decoders`.

All of them have to reach the same point: columns of numbers and an index into the distinct series. pydantic, which defines what is valid,
takes part too. Only pydantic, msgspec and ours validate.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.decoders.inputs import INPUTS, bodies
from benchmarks.decoders.judging import differences
from benchmarks.decoders.peers import PEERS, Columns, our_columns


def cpu_s(decode: Callable[[bytes], Columns], texts: list[bytes]) -> float:
    """CPU seconds of all threads for all bodies."""
    began = time.process_time()
    for text in texts:
        decode(text)
    return time.process_time() - began


def measured(name: str, events: int, rounds: int) -> dict[str, object]:
    """Ratios of CPU time to ours (above 1: slower than ours), medians of rounds in which all take turns."""
    texts = bodies(name, events)
    decoders = {"ours": our_columns, **PEERS}
    for decode in decoders.values():
        decode(texts[0])
    took: dict[str, list[float]] = {label: [] for label in decoders}
    for _ in range(rounds):
        for label, decode in decoders.items():
            took[label].append(cpu_s(decode, texts))
    ratios = {
        label: round(statistics.median(theirs / ours for theirs, ours in zip(times, took["ours"], strict=True)), 2)
        for label, times in took.items()
    }
    return {"input": name, "events": sum(text.count(b"\n") for text in texts), "cpu_time_over_ours": ratios}


def main() -> int:
    """Prints one JSON line an input, then what each accepts that the contract refuses."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoders", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    for name in INPUTS:
        print(json.dumps(measured(name, chosen.events, chosen.rounds)), flush=True)
    for peer, wrong in differences().items():
        print(json.dumps({"decoder": peer, **wrong}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
