"""User topics: a User's own topics are created when the first record for it is due."""

from collections.abc import Iterable

from streams.kafka.client.broker import Broker
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_admin import specs


class UserTopics:
    """Remembers which topics exist."""

    def __init__(self, parameters: KafkaParameters, broker: Broker) -> None:
        self._broker = broker
        self._prefixes = [f"{parameters.topic_prefix}{name}." for name in ("impact-alerts", "change-reports")]
        self._known = {spec.name for spec in specs(parameters)}

    async def ensure(self, records: Iterable[OutputRecord]) -> None:
        """Returns when every topic of `records` exists. Raises ConfigurationError if one can't be created."""
        absent = sorted({record.topic for record in records} - self._known)
        if absent:
            users = {name.removeprefix(prefix) for name in absent for prefix in self._prefixes if name.startswith(prefix)}
            await self._broker.make_user_topics(absent, sorted(users))
            self._known.update(absent)
