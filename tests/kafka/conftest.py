"""One broker for all tests of this folder: a given one, else a container where Docker runs, else Kafka's own jars."""

import gc
import os
import shutil
import subprocess
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.kafka.cluster.parameters import KafkaParameters, KafkaSecurity
from tests.kafka.broker import Broker
from tests.kafka.jars import UnavailableError
from tests.shared import folder_of_the_run, shared_server

GIVEN = "HIGHWATER_TEST_KAFKA"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves sockets to the garbage collector, which may come by while one of these tests runs."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(autouse=True)
def _sockets_of_kafka_python() -> Iterator[None]:
    """What it forgot here must not fail a test elsewhere."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a broker that these tests may do anything with; one for all processes of a run."""
    if given := os.environ.get(GIVEN):
        yield given
    else:
        start = _container if _docker_runs() else _from_jars
        with shared_server(folder_of_the_run(tmp_path_factory), "kafka", start) as address:
            yield address


@pytest.fixture(scope="session")
def secured_broker() -> Iterator[Broker]:
    """A broker with SASL/SCRAM over TLS and an authorizer; always from jars, since it must be set up so."""
    with _local(secured=True) as broker:
        yield broker


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker that the test may kill."""
    with _local() as broker:
        yield broker


@pytest.fixture
def parameters(bootstrap: str) -> KafkaParameters:
    """Settings of an installation of its own on the shared broker: nothing of another test is seen."""
    return settings_for(bootstrap)


def settings_for(bootstrap: str, **others: object) -> KafkaParameters:
    """Settings for one broker, with time-outs that suit tests and a name prefix that keeps tests apart."""
    values: dict[str, object] = {
        "bootstrap_servers": bootstrap,
        "topic_prefix": f"t{uuid.uuid4().hex[:8]}.",
        "group": f"t{uuid.uuid4().hex[:8]}",
        "partitions": 4,
        "replication_factor": 1,
        "session_timeout_s": 6,
        "heartbeat_s": 1,
        "checkpoint_s": 0.5,
    }
    return KafkaParameters.model_validate(values | others)


def signed_in(parameters: KafkaParameters, broker: Broker, folder: Path, user: str, password: str) -> KafkaParameters:
    """Settings of `user` on a secured broker."""
    secret = folder / f"{user}.secret"
    secret.write_text(f"{password}\n")
    security = KafkaSecurity(protocol="SASL_SSL", username=user, password_file=secret, ca_file=broker.ca_file)
    return parameters.model_copy(update={"security": security})


def _local(*, secured: bool = False) -> Broker:
    try:
        from tests.kafka.jars import jars

        jars()
    except UnavailableError as lacking:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Kafka here: {lacking}; or name one in {GIVEN}")
    return Broker(secured=secured, short_lived=True)


def _docker_runs() -> bool:
    if shutil.which("docker") is None:
        return False
    result = subprocess.run(["docker", "info"], capture_output=True, timeout=30)
    return result.returncode == 0 and b"Server Version" in result.stdout


@contextmanager
def _from_jars() -> Iterator[str]:
    with _local() as broker:
        yield broker.bootstrap


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    with KafkaContainer("confluentinc/cp-kafka:7.9.1").with_kraft() as container:
        yield container.get_bootstrap_server()
