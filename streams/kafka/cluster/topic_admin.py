"""Topic administration: the required partitions, copies, compaction and retention; creates topics, or compares existing ones."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import kafka.errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from models.errors import ConfigurationError, UnreadableInput
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import client_settings
from streams.kafka.cluster.topic_names import Topics

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
BOOTSTRAP_MS = 10_000
"""How long a broker may take to answer the first call."""
LARGEST_RECORD = 8 << 20
"""Maximum bytes of a record between our own stages: a window of about 100,000 series."""


@dataclass(frozen=True)
class TopicSpec:
    """One topic with its required settings."""

    name: str
    partitions: int
    replication_factor: int
    settings: Mapping[str, str]


def specs(parameters: KafkaParameters, users: Iterable[str] = ()) -> tuple[TopicSpec, ...]:
    """Every topic of an installation, and those of `users`."""
    topics = Topics(parameters.topic_prefix)
    share = parameters.partitions
    telemetry = {"cleanup.policy": "delete", "retention.ms": str(parameters.telemetry_retention_h * _HOUR_MS)}
    stages = {
        "cleanup.policy": "delete",
        "retention.ms": str(parameters.stage_retention_h * _HOUR_MS),
        "max.message.bytes": str(LARGEST_RECORD),
    }
    # Small segments are compacted soon: a worker that takes over a partition reads everything that compaction has not removed yet.
    state = {
        "cleanup.policy": "compact",
        "segment.bytes": str(32 << 20),
        "segment.ms": str(_HOUR_MS // 6),
        "min.cleanable.dirty.ratio": "0.1",
        "delete.retention.ms": str(_HOUR_MS),
    }
    calendar = {
        "cleanup.policy": "compact",
        "segment.ms": str(_HOUR_MS),
        "min.cleanable.dirty.ratio": "0.1",
        "delete.retention.ms": str(7 * _DAY_MS),
    }
    dead_letters = {"cleanup.policy": "delete", "retention.ms": str(parameters.output_retention_d * _DAY_MS)}
    quarantine = {
        "cleanup.policy": "compact,delete",
        "retention.ms": dead_letters["retention.ms"],
        "max.message.bytes": str(LARGEST_RECORD),
    }
    outputs = [topics.alerts, topics.incidents, topics.reports]
    for user in users:
        outputs += [topics.alerts_of(user), topics.reports_of(user)]
    wanted = [
        *((name, share, telemetry) for name in topics.telemetry),
        (topics.calendar, 1, calendar),
        *((name, 1, stages) for name in topics.stages),
        (topics.checkpoints, share, state),
        *((name, 1, output_settings(parameters)) for name in outputs),
        (topics.dead_letters, 1, dead_letters),
        (topics.quarantine, 1, quarantine),
    ]
    return tuple(_spec(parameters, name, partitions, settings) for name, partitions, settings in wanted)


def output_settings(parameters: KafkaParameters) -> dict[str, str]:
    """For topics that people read: all revisions for a day, then the last of each id until retention ends."""
    return {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(parameters.output_retention_d * _DAY_MS),
        "min.compaction.lag.ms": str(_DAY_MS),
    }


def _spec(parameters: KafkaParameters, name: str, partitions: int, settings: Mapping[str, str]) -> TopicSpec:
    insync = min(parameters.min_insync_replicas, parameters.replication_factor)
    return TopicSpec(name, partitions, parameters.replication_factor, {**settings, "min.insync.replicas": str(insync)})


@contextmanager
def admin(parameters: KafkaParameters) -> Iterator[KafkaAdminClient]:
    """An admin client. Raises UnreadableInput if no broker answers, ConfigurationError if it refuses the client."""
    try:
        client = KafkaAdminClient(**client_settings(parameters), request_timeout_ms=20_000, bootstrap_timeout_ms=BOOTSTRAP_MS)
    except (kafka.errors.KafkaConnectionError, kafka.errors.KafkaTimeoutError) as fault:
        # A refused password ends as a time-out too: the client tries again and again.
        refused = f", and that it accepts {parameters.security.username}" if parameters.security.username else ""
        raise UnreadableInput(f"no Kafka broker answers at {parameters.bootstrap_servers}: check that it runs{refused} ({fault})") from None
    try:
        yield client
    except kafka.errors.AuthorizationError as fault:
        raise ConfigurationError(f"Kafka does not allow this to {parameters.security.username or 'this client'}: {fault}") from None
    except kafka.errors.KafkaTimeoutError as fault:
        raise UnreadableInput(f"Kafka at {parameters.bootstrap_servers} does not answer in time: {fault}") from None
    finally:
        client.close()


def create(client: KafkaAdminClient, wanted: Iterable[TopicSpec]) -> list[str]:
    """Creates missing topics and returns their names. Raises ConfigurationError if the cluster can't create them with these settings."""
    there = set(client.list_topics())
    absent = [spec for spec in wanted if spec.name not in there]
    if not absent:
        return []
    asked: dict[str, dict[str, Any]] = {
        spec.name: {"num_partitions": spec.partitions, "replication_factor": spec.replication_factor, "configs": dict(spec.settings)}
        for spec in absent
    }
    answer = client.create_topics(asked, timeout_ms=20_000, raise_errors=False)
    for topic in answer["topics"]:
        fault = kafka.errors.for_code(topic["error_code"])
        if fault is kafka.errors.InvalidReplicationFactorError:
            raise ConfigurationError(
                f"the cluster has fewer brokers than kafka.replication_factor {absent[0].replication_factor}: set it to their number"
            )
        # Another worker may have created it first.
        if fault not in (kafka.errors.NoError, kafka.errors.TopicAlreadyExistsError):
            raise ConfigurationError(f"Kafka did not create {topic['name']}: {topic.get('error_message') or fault.__name__}")
    client.wait_for_topics(sorted(asked), timeout_ms=20_000)
    return sorted(asked)


def faults(client: KafkaAdminClient, wanted: Iterable[TopicSpec]) -> list[str]:
    """The differences to `wanted`, one sentence each; an empty list if there are none."""
    specs_by_name = {spec.name: spec for spec in wanted}
    there = set(client.list_topics())
    differences = [f"{name} is missing: run `highwater topics create`" for name in specs_by_name if name not in there]
    present = [name for name in specs_by_name if name in there]
    if not present:
        return differences
    for topic in client.describe_topics(present):
        differences += _partition_faults(specs_by_name[topic["name"]], topic["partitions"])
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in present]
    described = client.describe_configs(resources, config_filter="all")
    by_name: dict[str, Any] = next(iter(described.values()), {})
    for name in present:
        for key, value in specs_by_name[name].settings.items():
            actual = by_name.get(name, {}).get(key, {}).get("value")
            if _as_set(actual) != _as_set(value):
                differences.append(f"{name}: {key} is {actual}, should be {value}")
    return differences


def _partition_faults(spec: TopicSpec, partitions: list[dict[str, Any]]) -> list[str]:
    differences = []
    if len(partitions) != spec.partitions:
        differences.append(
            f"{spec.name} has {len(partitions)} partitions, should have {spec.partitions}: "
            "set kafka.partitions to the existing number (more partitions would separate Users from their state)"
        )
    copies = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    if copies < spec.replication_factor:
        differences.append(f"{spec.name} has {copies} copies, should have {spec.replication_factor}: reassign its partitions")
    behind = [partition["partition_index"] for partition in partitions if len(partition["isr_nodes"]) < len(partition["replica_nodes"])]
    if behind:
        differences.append(f"{spec.name}: copies of partition {', '.join(map(str, sorted(behind)))} are behind or down")
    return differences


def _as_set(value: str | None) -> frozenset[str]:
    """`compact,delete` and `delete,compact` are the same."""
    return frozenset((value or "").replace(" ", "").split(","))
