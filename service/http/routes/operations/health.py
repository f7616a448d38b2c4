"""Health and metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from service.auth.authentication import Desk
from service.http.routes.parts import CollectorRegistryDep, HealthDep
from service.problems import RESPONSES, Problem
from streams.metrics.encoding import encoded

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_class=PlainTextResponse, summary="Is the process alive?")
def healthz() -> str:
    """`ok` as long as requests are answered."""
    return "ok\n"


@router.get(
    "/readyz",
    response_class=PlainTextResponse,
    responses={503: {"description": "Not now; the text gives the reason"}},
    summary="Can it work?",
)
def readyz(health: HealthDep) -> str:
    """`ready` while events are accepted. Further lines list other faults."""
    if not health.ready:
        raise Problem(503, "starting or stopping", headers={"Retry-After": "5"})
    if health.refuses():
        raise Problem(503, "the disk refuses", headers={"Retry-After": "5"})
    return "".join(f"{line}\n" for line in ("ready", *health.remarks()))


@router.get("/metrics", responses=RESPONSES, response_class=PlainTextResponse, summary="Metrics for Prometheus")
def metrics(request: Request, registry: CollectorRegistryDep, _: Desk) -> Response:
    """In Prometheus' or OpenMetrics' text format. It names every User, so Users may not read it."""
    text, content_type = encoded(registry, request.headers.get("accept", ""))
    return Response(text, media_type=content_type)
