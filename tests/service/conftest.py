"""A real monitor behind a real server on a free port, with a token of every role."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests that leave nothing behind which another would see."""
    with House(tmp_path_factory.mktemp("house") / "data") as opened:
        yield opened
