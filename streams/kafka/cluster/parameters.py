"""The address of Kafka, the authentication, and how the workers share the work."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import ConfigurationError


class KafkaSecurity(BaseModel):
    """The authentication of a client; secrets are read from files, never from settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="As the listener is configured"
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="Mechanism for the SASL protocols"
    )
    username: str = Field(default="", description="User name for the SASL protocols")
    password_file: Path | None = Field(default=None, description="A file that contains only the password")
    ca_file: Path | None = Field(
        default=None, description="PEM of the authority that signed the brokers' certificates; by default the system's authorities"
    )
    certificate_file: Path | None = Field(default=None, description="PEM of this client's certificate, if the brokers require one")
    key_file: Path | None = Field(default=None, description="PEM of the key of certificate_file")
    key_password_file: Path | None = Field(default=None, description="A file that contains the password of key_file")
    check_hostname: bool = Field(default=True, description="Whether a broker's certificate must contain the host name of its address")

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSecurity":
        if self.protocol.startswith("SASL") and not (self.username and self.password_file):
            raise ValueError(f"{self.protocol} needs kafka.security.username and kafka.security.password_file")
        if self.key_file and not self.certificate_file:
            raise ValueError("kafka.security.key_file has no effect without kafka.security.certificate_file")
        return self


class KafkaParameters(BaseModel):
    """The settings of the cluster for the workers, `topics` and `serve --from-kafka`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field(default="127.0.0.1:9092", min_length=1, description="host:port of some brokers, separated by commas")
    security: KafkaSecurity = Field(default_factory=KafkaSecurity)
    topic_prefix: str = Field(
        default="", pattern=r"^[A-Za-z0-9_.-]{0,100}$", description="Prefix of every topic name, for several installations on one cluster"
    )
    group: str = Field(default="highwater", pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="Consumer group of the workers")
    group_instance_id: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]{0,100}$",
        description="Name of this worker in the group, unique: one that restarts within session_timeout_s keeps its partitions, "
        "and no other worker's partitions move. Empty: a new member at each start",
    )
    partitions: int = Field(
        default=24,
        ge=1,
        le=1000,
        description="Partitions of each telemetry topic; at most this number of workers share them. Do not change it after Users have sent",
    )
    partitioner: Literal["murmur2", "crc32"] = Field(
        default="murmur2",
        description="How `serve --from-kafka` selects a User's partition, the same as all other producers: Java's or librdkafka's way",
    )
    replication_factor: int = Field(default=3, ge=1, description="Copies of each partition; at most the number of brokers")
    min_insync_replicas: int = Field(
        default=2, ge=1, description="Copies that must have a record before it counts; at most replication_factor"
    )
    telemetry_retention_h: int = Field(default=168, ge=1, description="How long message rates and queue depths are kept")
    stage_retention_h: int = Field(
        default=48, ge=1, description="How long findings and pulses are kept: longer than the longest outage of all workers"
    )
    output_retention_d: int = Field(default=90, ge=1, description="How long alerts, incidents, reports and dead letters are kept")
    checkpoint_s: float = Field(
        default=2.0, gt=0, description="Time between two checkpoints of a partition; longer if a checkpoint costs more than 4 % of it"
    )
    session_timeout_s: float = Field(default=15.0, ge=2, description="A worker without a heartbeat for this long loses its partitions")
    heartbeat_s: float = Field(default=3.0, gt=0, description="Heartbeat interval, less than a third of session_timeout_s")
    max_poll_records: int = Field(default=20_000, ge=1, description="Records that a worker takes from the brokers' responses at a time")
    fetch_bytes: int = Field(default=4 << 20, ge=1 << 14, description="Maximum bytes of one partition in one response of a broker")
    metrics_host: str = Field(default="127.0.0.1", description="Address on which a worker answers /metrics; 0.0.0.0 in a container")
    metrics_port: int = Field(
        default=8481, ge=0, le=65535, description="Port on which a worker answers /metrics; 0 takes a free one and logs it"
    )
    metric_users: int = Field(default=200, ge=1, description="Users with their own labels in a worker's metrics; the others share `other`")
    lead_s: int = Field(
        default=1800,
        ge=60,
        description="How far in event time a partition may be ahead of the slowest one during catch-up, in seconds",
    )


def needs_kafka() -> None:
    """Raises ConfigurationError if the Kafka clients are not installed."""
    absent = [name for name in ("kafka", "aiokafka", "faust") if find_spec(name) is None]
    if absent:
        raise ConfigurationError(
            f"the Kafka runtime is not installed ({', '.join(absent)} missing): docs/operations.md shows how to install the extra `kafka`"
        )
