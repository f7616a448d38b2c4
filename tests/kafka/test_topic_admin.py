"""Topics with their settings, and who may read them when the brokers check."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kafka.errors
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from models.errors import ConfigurationError, UnreadableInput
from streams.kafka.cluster.acls import allow, grants
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import client_settings
from streams.kafka.cluster.topic_admin import admin, create, faults, specs
from streams.kafka.cluster.topic_names import Topics
from tests.kafka.broker import ADMIN, PASSWORD, Broker
from tests.kafka.conftest import settings_for, signed_in
from tests.kafka.workers import ROOT, environment

pytestmark = pytest.mark.kafka


def test_created_topics_are_as_they_must_be_and_are_made_once(parameters: KafkaParameters) -> None:
    wanted = specs(parameters, ["SUP-01"])
    with admin(parameters) as client:
        assert len(faults(client, wanted)) == len(wanted)
        assert set(create(client, wanted)) == {spec.name for spec in wanted}
        assert create(client, wanted) == []
        assert faults(client, wanted) == []


def test_what_differs_is_said_with_what_to_do(parameters: KafkaParameters) -> None:
    topics = Topics(parameters.topic_prefix)
    with admin(parameters) as client:
        create(client, specs(parameters))
        more = parameters.model_copy(update={"partitions": 6, "stage_retention_h": 12})
        result = faults(client, specs(more, ["SUP-09"]))
    assert any(topics.rates in fault and "has 4 partitions, should have 6" in fault for fault in result)
    assert any(topics.findings in fault and "retention.ms" in fault for fault in result)
    assert f"{topics.alerts_of('SUP-09')} is missing: run `highwater topics create`" in result


def test_more_copies_than_brokers_are_refused_in_a_sentence(parameters: KafkaParameters) -> None:
    three = parameters.model_copy(update={"replication_factor": 3})
    with admin(three) as client, pytest.raises(ConfigurationError, match=r"fewer brokers than kafka\.replication_factor 3"):
        create(client, specs(three))


def test_no_broker_is_one_clear_line() -> None:
    nowhere = settings_for("127.0.0.1:9")
    with pytest.raises(UnreadableInput, match="no Kafka broker answers at 127"), admin(nowhere):
        pass


def test_the_command_makes_and_checks(parameters: KafkaParameters) -> None:
    assert command(parameters, "check", "--json").returncode == 1
    assert json.loads(command(parameters, "create", "--json").stdout)["there"] == []
    assert (command(parameters, "check").returncode, command(parameters, "check", "--json").stdout) == (0, '{"faults": []}\n')


def command(parameters: KafkaParameters, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`highwater topics …` as a person would call it."""
    typed = [sys.executable, "-m", "highwater", "topics", *arguments]
    return subprocess.run(typed, cwd=ROOT, env=os.environ | environment(parameters), capture_output=True, text=True, timeout=60)


@pytest.fixture
def secured(secured_broker: Broker, tmp_path: Path) -> KafkaParameters:
    """Settings of the administrator on a broker that checks."""
    return signed_in(settings_for(secured_broker.bootstrap), secured_broker, tmp_path, ADMIN, PASSWORD)


def test_a_user_reads_its_own_alerts_and_nothing_else(secured: KafkaParameters, secured_broker: Broker, tmp_path: Path) -> None:
    topics = Topics(secured.topic_prefix)
    people = {"A": "alice", "AB": "bob"}
    with admin(secured) as client:
        create(client, specs(secured, people))
        for user, person in people.items():
            client.alter_user_scram_credentials([UserScramCredentialUpsertion(person, ScramMechanism.SCRAM_SHA_512, f"{person}-secret")])
            allow(client, grants(secured, user, f"User:{person}"))
    sender = KafkaProducer(**client_settings(secured))
    for user in people:
        sender.send(topics.alerts_of(user), f"for {user}".encode(), key=b"A-1").get(20)
    sender.flush()
    sender.close()
    alice = signed_in(secured, secured_broker, tmp_path, "alice", "alice-secret")
    assert _read(alice, topics.alerts_of("A"), topics.alerts_of("A")) == [b"for A"]
    everything = {spec.name for spec in specs(secured, people)} - {topics.alerts_of("A"), topics.reports_of("A")}
    for forbidden in sorted(everything):
        with pytest.raises(kafka.errors.TopicAuthorizationFailedError):
            _read(alice, forbidden, topics.alerts_of("A"))
    with pytest.raises(kafka.errors.GroupAuthorizationFailedError):
        _read(alice, topics.alerts_of("A"), topics.alerts_of("AB"))


def _read(parameters: KafkaParameters, topic: str, group: str) -> list[bytes]:
    consumer = KafkaConsumer(**client_settings(parameters), group_id=group, auto_offset_reset="earliest")
    try:
        consumer.assign([TopicPartition(topic, 0)])
        listed: list[Any] = []
        for _ in range(20):
            for records in consumer.poll(timeout_ms=500).values():
                listed += [record.value for record in records]
            if listed:
                break
        consumer.commit()
        return listed
    finally:
        consumer.close()


def test_a_wrong_password_is_one_clear_line(secured: KafkaParameters, secured_broker: Broker, tmp_path: Path) -> None:
    stranger = signed_in(secured, secured_broker, tmp_path, ADMIN, "guessed")
    with pytest.raises((ConfigurationError, UnreadableInput)), admin(stranger):
        pass


def test_the_commands_for_a_user_name_its_topics_exactly() -> None:
    given = grants(KafkaParameters(), "SUP-01", "User:CN=sup-01,O=Supplier One")
    commands = [grant.command("broker:9092") for grant in given]
    assert commands[0] == (
        "kafka-acls.sh --bootstrap-server broker:9092 --add --allow-principal 'User:CN=sup-01,O=Supplier One' "
        "--operation Read --topic impact-alerts.SUP-01 --resource-pattern-type literal"
    )
    assert {grant.name for grant in given} == {"impact-alerts.SUP-01", "change-reports.SUP-01"}
