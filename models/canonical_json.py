"""Wire: records as canonical JSON and back; the same record gives the same bytes."""

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from models.errors import Malformed
from models.wire_model import WireModel, reason

AnyRecord = TypeVar("AnyRecord", bound=WireModel)


def to_json(record: WireModel) -> bytes:
    """`record` as compact UTF-8 JSON in the contract's field order, without a line end."""
    return json.dumps(_bare(record.model_dump(mode="json")), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(model: type[AnyRecord], data: bytes | str) -> AnyRecord:
    """The record that `data` holds. Raises Malformed with field and reason."""
    try:
        return model.model_validate_json(data)
    except ValidationError as fault:
        raise Malformed(reason(fault)) from None


def _bare(value: Any) -> Any:
    """Whole numbers are written without a decimal point, at every depth."""
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return whole(value)


def whole(value: Any) -> Any:
    """A whole number without a decimal point; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e16 else value
