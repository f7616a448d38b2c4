"""Installed: whether the Kafka clients are there, which the base install leaves out."""

from importlib.util import find_spec

from models.errors import ConfigurationError


def needs_kafka() -> None:
    """Raises ConfigurationError where the Kafka clients are not installed."""
    absent = [name for name in ("kafka", "aiokafka", "faust") if find_spec(name) is None]
    if absent:
        raise ConfigurationError(f"the Kafka runtime is not installed ({', '.join(absent)} missing): pip install 'highwater[kafka]'")
