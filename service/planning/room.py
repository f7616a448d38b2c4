"""The planning room: where answers are computed that compare, or write out, very many changes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from models.clock import Clock
from service.access import Principal
from service.engine.engine import Engine
from service.ingest.turns import Turns
from service.planning.apart import PlanningProcess
from service.planning.plans import Planning, Plans
from service.planning.risk_book import RiskBook

_APART_FROM = 200
"""So many changes are compared in a process of its own: a thread that computes for long makes each step of all others wait."""


class PlanningRoom:
    """Those of one User, or of one token, are computed one at a time, in their order; two threads do nothing else."""

    def __init__(self, engine: Engine, planning: Planning, risk_book: RiskBook, clock: Clock, most_compared: int) -> None:
        self._engine, self._planning, self._risk_book, self._clock = engine, planning, risk_book, clock
        self._most_compared = most_compared
        self._threads = ThreadPoolExecutor(2, "planning")
        self._turns = Turns()
        self._process = PlanningProcess()

    async def answered(self, principal: Principal, job: Callable[..., bytes], *arguments: object) -> bytes:
        """What `job` (a function of `answers`) gives for the plans of this moment and these arguments."""
        async with self._turns.of(principal.share.name):
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, job, arguments)

    def close(self) -> None:
        """What is being computed ends without an answer."""
        self._process.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answer(self, job: Callable[..., bytes], arguments: tuple[object, ...]) -> bytes:
        plans = self._plans()
        made = self._process.answer(plans, job, arguments) if len(plans.changes) >= _APART_FROM else None
        return job(plans, *arguments) if made is None else made

    def _plans(self) -> Plans:
        planning = self._planning
        changes, risks, now_us = self._engine.declared_changes(), self._risk_book.risks(), self._clock.wall_us()
        return Plans(changes, planning.rules, planning.sec, planning.holidays, risks, now_us, self._most_compared)
