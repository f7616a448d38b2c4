"""A virtual clock lets days pass in no time, in an order that is always the same."""

import asyncio
import time

from models.clock import Clock, VirtualClock


def test_the_clock_of_a_running_program_goes_on() -> None:
    clock = Clock()
    before = clock.wall_us(), clock.steady_s()
    time.sleep(0.001)
    assert clock.wall_us() > before[0]
    assert clock.steady_s() > before[1]


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    virtual = VirtualClock(1_000_000)
    clock = virtual.clock
    assert (clock.wall_us(), clock.steady_s(), clock.cpu_s()) == (1_000_000, 0.0, 0.0)
    virtual.advance(2.5)
    assert (clock.wall_us(), clock.steady_s()) == (3_500_000, 2.5)


def test_tasks_wait_by_the_virtual_clock_and_a_day_takes_no_time() -> None:
    virtual, seen = VirtualClock(), []

    async def every(pause_s: float, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(pause_s)
            seen.append((virtual.elapsed_s, pause_s))

    async def main() -> None:
        async with asyncio.timeout(86_500), asyncio.TaskGroup() as group:
            group.create_task(every(36_000, 2))
            group.create_task(every(43_200, 2))

    began_s = time.monotonic()
    virtual.run(main())
    assert seen == [(36_000, 36_000), (43_200, 43_200), (72_000, 36_000), (86_400, 43_200)]
    assert time.monotonic() - began_s < 5


def test_a_timeout_comes_by_the_virtual_clock() -> None:
    async def main() -> str:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
        except TimeoutError:
            return "too late"
        return "in time"

    assert VirtualClock().run(main()) == "too late"
