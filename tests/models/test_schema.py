"""Schemas agree with the models: what validates in one validates in the other, and every field is explained."""

import json
from typing import Any

import jsonschema
import pytest

from models.asyncapi import TOPICS, asyncapi
from models.canonical_json import decode, to_json
from models.change import Change
from models.errors import HighwaterError
from models.schema import MODELS, all_schemas, schema_of
from tests.models.builders import ALERT, CHANGE, QUEUE, TRAFFIC

GOOD = {"TrafficEvent": TRAFFIC, "QueueEvent": QUEUE, "Change": CHANGE, "Alert": ALERT}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_valid_schema_with_a_description(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"]
    assert all(field in schema["properties"] for field in MODELS[name].model_fields)


@pytest.mark.parametrize("name", ["TrafficEvent", "QueueEvent", "Change"])
def test_the_examples_of_inputs_are_good(name: str) -> None:
    assert schema_of(name)["examples"]
    for example in schema_of(name)["examples"]:
        jsonschema.validate(example, schema_of(name))
        assert isinstance(decode(MODELS[name], json.dumps(example)), MODELS[name])


def test_what_we_write_follows_its_schema() -> None:
    for name, record in GOOD.items():
        written = json.loads(to_json(decode(MODELS[name], json.dumps(record))))
        if name == "Alert":
            jsonschema.validate(written, schema_of(name))
            assert set(schema_of(name)["required"]) == set(written)


@pytest.mark.parametrize(
    ("name", "field", "value"), [("TrafficEvent", "messages", "5"), ("QueueEvent", "depth", -1), ("Change", "status", "x")]
)
def test_what_a_model_refuses_its_schema_refuses(name: str, field: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(GOOD[name] | {field: value}, schema_of(name))


def test_only_what_the_contract_requires_is_required_of_those_who_send() -> None:
    assert set(schema_of("Change")["required"]) == {"change_id", "owner", "title", "planned_start", "planned_end"}
    assert set(schema_of("TrafficEvent")["required"]) == {"kind", "observed_at", "user", "direction", "message_class", "messages"}
    assert set(schema_of("QueueEvent")["required"]) == {"kind", "observed_at", "user", "queue", "depth"}


def test_one_document_holds_all_models() -> None:
    document = all_schemas()
    jsonschema.Draft202012Validator.check_schema(document)
    assert set(MODELS) <= set(document["$defs"])
    one = {"$ref": "#/$defs/Change", "$defs": document["$defs"]}
    jsonschema.validate(CHANGE, one)


def test_names_are_found_however_they_are_written() -> None:
    assert schema_of("traffic-event") == schema_of("TRAFFICEVENT") == schema_of("TrafficEvent")
    with pytest.raises(HighwaterError, match="Change"):
        schema_of("nothing")


def test_the_asyncapi_document_names_every_topic_and_resolves_every_reference() -> None:
    document = asyncapi("1.2.3")
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {topic.address for topic in TOPICS}
    assert {"dsp.message-rates", "dsp.queue-depths", "change-calendar", "impact-alerts", "impact-alerts.{user}"} <= addresses
    assert {"impact-incidents", "change-reports", "dead-letters"} <= addresses
    for path in references(document):
        result: Any = document
        for part in path.removeprefix("#/").split("/"):
            result = result[part]
    assert document["components"]["schemas"]["Change"]["required"] == schema_of("Change")["required"]
    assert Change.__name__ in document["components"]["messages"]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [path for item in value.values() for path in references(item)]
    return [path for item in value for path in references(item)] if isinstance(value, list) else []


def test_the_text_below_a_field_describes_it_in_both_directions() -> None:
    assert schema_of("queue-event")["properties"]["depth"]["description"] == "Messages waiting."
    evidence = schema_of("alert")["$defs"]["Evidence"]["properties"]
    assert evidence["ratio"]["description"] == "Observed / expected."
    assert "description" not in evidence["ratio"]["anyOf"][0]
