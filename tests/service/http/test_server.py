"""Serving: how the process is set up before the first request."""

import gc
import sys
from collections.abc import Iterator

import pytest

from service.http.server import share_the_processor


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before, interval_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*before)
    sys.setswitchinterval(interval_s)
    gc.unfreeze()


def test_what_is_loaded_is_not_examined_again_and_small_work_starts_no_collection() -> None:
    share_the_processor()
    assert gc.get_freeze_count() > 10_000
    done = [generation["collections"] for generation in gc.get_stats()]
    kept = [[number] for number in range(20_000)]
    assert [generation["collections"] for generation in gc.get_stats()] == done
    assert len(kept) == 20_000
