"""Schema: every model of the contract as JSON Schema, for the developers of producers and consumers."""

from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from models.alert import Alert
from models.change import Change
from models.change_report import ChangeReport
from models.dead_letter import DeadLetter
from models.errors import HighwaterError
from models.events import QueueEvent, TrafficEvent
from models.incident import Incident
from models.wire_model import WireModel

INPUTS: tuple[type[WireModel], ...] = (TrafficEvent, QueueEvent, Change)
OUTPUTS: tuple[type[WireModel], ...] = (Alert, Incident, ChangeReport, DeadLetter)
MODELS = {model.__name__: model for model in (*INPUTS, *OUTPUTS)}

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """JSON Schema of one model; `traffic-event` is `TrafficEvent`. Raises HighwaterError for an unknown name."""
    plain = name.replace("-", "").replace("_", "").lower()
    matching = [model for known, model in MODELS.items() if known.lower() == plain]
    if not matching:
        raise HighwaterError(f"there is no model {name}; the models are: {', '.join(MODELS)}")
    model = matching[0]
    return {"$schema": DIALECT, **model.model_json_schema(mode=_mode(model))}


def all_schemas() -> dict[str, Any]:
    """One document with every model and its parts under `$defs`."""
    return {"$schema": DIALECT, "title": "Highwater", "$defs": definitions("#/$defs/{model}")}


def definitions(ref_template: str) -> dict[str, Any]:
    """Name → JSON Schema of every model and its parts, by name."""
    _, document = models_json_schema([(model, _mode(model)) for model in MODELS.values()], ref_template=ref_template)
    return dict(sorted(document["$defs"].items()))


def _mode(model: type[WireModel]) -> Literal["validation", "serialization"]:
    return "validation" if model in INPUTS else "serialization"
