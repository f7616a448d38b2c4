"""A monitor to attack."""

from tests.service.conftest import house

__all__ = ["house"]
