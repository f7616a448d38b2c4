"""The watermark: where it stands, and setting it back after a wrong clock moved it into the future."""

import asyncio
import sqlite3
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.times import format_time
from service.access import Principal
from service.auth.authentication import Admin
from service.http.routes.common import committed
from service.http.routes.parts import ClockDep, DatabaseDep, EngineDep, IntakeDep
from service.ingest.journal import REWIND
from service.problems import RESPONSES, Problem
from service.store import audit

router = APIRouter(tags=["operations"], responses=RESPONSES)


class WatermarkReset(BaseModel):
    """What was set back."""

    before: str | None = Field(description="The watermark before; null where there was none.")
    reset_at: str = Field(description="The clock then.")


@router.post("/v1/watermark/reset", summary="Let real events count again")
async def reset(database: DatabaseDep, engine: EngineDep, intake: IntakeDep, clock: ClockDep, principal: Admin) -> WatermarkReset:
    """For a watermark that a wrong clock moved into the future, so that all that comes is late.

    Time starts again with the next event. What was learned and declared stays; open alerts and incidents are ended, what is still wrong is
    found again; charts of times after now are dropped.
    """
    if intake.elsewhere is not None:
        raise Problem(409, "the Kafka workers judge: this monitor has no watermark")
    before_us, now_us = engine.watermark_us, clock.wall_us()
    entry = await asyncio.wrap_future(intake.submit(REWIND, "", b"", None, now_us))
    await asyncio.wrap_future(engine.reached(entry.seq))
    before = None if before_us is None else format_time(before_us)
    await committed(database, partial(_note, principal=principal, now_us=now_us, before=before))
    return WatermarkReset(before=before, reset_at=format_time(now_us))


def _note(connection: sqlite3.Connection, principal: Principal, now_us: int, before: str | None) -> None:
    audit.note(connection, principal, "reset watermark", "", now_us, {"before": before})
