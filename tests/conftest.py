"""How the tests are spread over processes: a module stays together, because its tests share what is costly to make."""

import os
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

FIRST = ("kafka", "dashboards", "documents", "service", "detectors", "simulator", "correlation", "streams", "highwater", "golden")
"""Folders of `tests` whose tests wait for other programs or take long begin first, so that all processes end at about the same time."""
TOGETHER = {
    "test_preview": "a day that Prometheus watches",
    "test_queries": "a day that Prometheus watches",
    "test_serving": "a secured broker",
    "test_topic_admin": "a secured broker",
}
"""Modules that share a fixture of the session."""
APART = frozenset({"test_faults", "test_worker"})
"""Modules whose tests share nothing but the broker and take long: each test for itself."""


class ByModule(LoadScopeScheduling):
    """Hands out modules, or single tests of those in APART."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        name = PurePosixPath(module).stem
        return nodeid if name in APART else TOGETHER.get(name, module)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: a third of the time goes by in waiting for brokers, servers and browsers, so one process more than there are cores."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByModule:
    """Takes the place of `--dist`."""
    config.option.loadscopereorder = False
    return ByModule(config, log)  # type: ignore[arg-type]  # xdist's own logger, whose type is private


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts FIRST first; the order is otherwise that of the files."""
    items.sort(key=lambda item: next((index for index, name in enumerate(FIRST) if f"tests/{name}/" in item.nodeid), len(FIRST)))
