"""How right the suspects were, by what people found out."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.auth.authentication import Desk
from service.http.routes.parts import ClockDep, DatabaseDep
from service.problems import RESPONSES
from service.triage.suspect_feedback import evaluate

router = APIRouter(tags=["triage"], responses=RESPONSES)


class EvaluationShown(BaseModel):
    """Judged suspects against the verdicts that they had."""

    verdicts: dict[str, dict[str, int]] = Field(
        description="`probable`, `possible`, `coincident`, `excluded` or `not_suspected` → `confirmed` and `refuted` → how often.",
        examples=[{"probable": {"confirmed": 12, "refuted": 1}}],
    )
    attribution_top1: float | None = Field(description="Share of incidents with a confirmed suspect in which it stood first.")
    judged: list[dict[str, Any]] = Field(description="Each judgement: incident, suspect, its verdict and rank, what was found, by whom.")


@router.get("/v1/evaluation", summary="How right the suspects were")
def evaluation(database: DatabaseDep, clock: ClockDep, _: Desk) -> EvaluationShown:
    """What people confirmed or refuted, held against the verdicts; nothing here changes how anything is judged."""
    found = database.read(partial(evaluate, now_us=clock.wall_us()))
    return EvaluationShown(verdicts=found.verdicts, attribution_top1=found.attribution_top1, judged=found.judged)
