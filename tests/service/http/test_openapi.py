"""The OpenAPI document is what the monitor does: random requests that follow it never break it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.service.builders import alert, change, declared, desk, incident
from tests.service.house import House

EXAMPLES = 6


@pytest.fixture(scope="module")
def schema(shared_house: House) -> Any:
    shared_house.publish([*desk(alert("A-1"), incident("I-1")), *declared(change("C-1"))])
    return schemathesis.openapi.from_url(f"{shared_house.address}/openapi.json")


def test_every_operation_survives_random_requests_and_answers_in_problems(schema: Any, shared_house: House) -> None:
    operations = [entry.ok() for entry in schema.get_all_operations()]
    asked = 0
    for operation in operations:
        if operation.path == "/v1/stream":
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            answer = case.call(headers={"authorization": f"Bearer {shared_house.secrets['admin']}"})
            asked += 1
            assert answer.status_code < 500, (case.method, case.path, answer.status_code, answer.text[:300])
            if answer.status_code >= 400:
                assert answer.headers["content-type"][0].startswith("application/problem+json"), (case.path, answer.headers)

        ask()
    assert asked > len(operations)


def test_the_document_has_examples_errors_and_how_to_sign_in(shared_house: House) -> None:
    document = shared_house.client(None).get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    lacking = [
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if path.startswith("/v1/") and not {"401", "403", "404"} <= operation["responses"].keys()
    ]
    assert lacking == []
    assert all(
        operation.get("summary") and operation.get("description")
        for operations in document["paths"].values()
        for operation in operations.values()
    )
    assert "Change" in document["components"]["schemas"]
    assert document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/x-ndjson"]["example"]
