"""The current depth of every queue, even between two revisions of an alert."""

from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.times import format_time
from service.auth.authentication import Reader
from service.charts import queries
from service.http.routes.common import EncodedInThread
from service.http.routes.parts import DatabaseDep
from service.problems import RESPONSES

router = APIRouter(route_class=EncodedInThread, tags=["series"], responses=RESPONSES)


class QueueNow(BaseModel):
    """The last report of one queue."""

    user: str
    queue: str
    depth: float
    oldest_age_s: float | None
    at: str = Field(description="End of the window of that report.")


class QueuesNow(BaseModel):
    """Every queue that the reader may see, by User and name."""

    items: list[QueueNow]
    next: None = None


@router.get("/v1/queues", summary="Depth of every queue now")
def queues(database: DatabaseDep, principal: Reader) -> QueuesNow:
    """The reports of the last closed windows. A User's own only."""
    depths = database.read(partial(queries.last_depths, principal=principal))
    items = [
        QueueNow(user=user, queue=queue, depth=depth, oldest_age_s=None if age_s != age_s else age_s, at=format_time(at_us))
        for user, queue, depth, age_s, at_us in depths
    ]
    return QueuesNow(items=items)
