"""`highwater serve` starts without what it does not need yet."""

import subprocess
import sys

from fastapi.routing import APIRoute

from service.http.app import ROUTES

_SERVE = """
import gc, sys
from highwater.loading import without_collection
before = gc.get_stats()
with without_collection():
    from highwater.options import settings
    from service.composition import compose
    from service.http.server import serve
    settings(None)
    assert not gc.isenabled()
print(gc.get_stats() == before, gc.isenabled(), gc.get_freeze_count() > 100_000)
print(sorted({"aiohttp", "apprise", "faust", "aiokafka", "simulator"} & sys.modules.keys()))
"""


def test_serve_loads_nothing_that_only_messages_and_kafka_need_and_collects_no_garbage_meanwhile() -> None:
    lines = subprocess.run([sys.executable, "-c", _SERVE], capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ["True True True", "[]"]


def test_no_route_builds_validators_for_its_error_responses() -> None:
    routes = [route for room in ROUTES for route in room.router.routes if isinstance(route, APIRoute)]
    assert len(routes) > 40
    assert [route.path for route in routes if route.response_fields] == []
