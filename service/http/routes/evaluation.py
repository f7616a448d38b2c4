"""How accurate the suspects were, according to people's findings."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.auth.authentication import Desk
from service.http.routes.common import EncodedInThread
from service.http.routes.parts import ClockDep, DatabaseDep
from service.problems import RESPONSES
from service.triage.suspect_feedback import evaluate

router = APIRouter(route_class=EncodedInThread, tags=["triage"], responses=RESPONSES)


class EvaluationShown(BaseModel):
    """Judged suspects compared with their verdicts."""

    verdicts: dict[str, dict[str, int]] = Field(
        description="`probable`, `possible`, `coincident`, `excluded` or `not_suspected` → `confirmed` and `refuted` → how often.",
        examples=[{"probable": {"confirmed": 12, "refuted": 1}}],
    )
    attribution_top1: float | None = Field(description="Share of incidents with a confirmed suspect in which it was the first one.")
    judged: list[dict[str, Any]] = Field(
        description="Each judgement: incident, suspect, its verdict and rank, the finding, and the person."
    )


@router.get("/v1/evaluation", summary="How accurate the suspects were")
def evaluation(database: DatabaseDep, clock: ClockDep, _: Desk) -> EvaluationShown:
    """People's confirmations and refutations compared with the verdicts; they do not influence later judgements."""
    feedback = database.read(partial(evaluate, now_us=clock.wall_us()))
    return EvaluationShown(verdicts=feedback.verdicts, attribution_top1=feedback.attribution_top1, judged=feedback.judged)
