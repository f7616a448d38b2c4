"""The settings in force: defaults, overridden by one TOML file, by the environment, by command-line options."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from changes.parameters import ChangesParameters
from correlation.parameters import CorrelationParameters
from detectors.parameters import DetectionParameters
from models.errors import ConfigurationError
from service.parameters import ServeParameters
from streams.kafka.cluster.parameters import KafkaParameters
from streams.windowing.assembler import TimeParameters

PREFIX = "HIGHWATER_"
CONFIG_VARIABLE = "HIGHWATER_CONFIG"


class Settings(BaseModel):
    """One tree; each section is the parameter class that stands next to the code it tunes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: TimeParameters = Field(default_factory=TimeParameters)
    detection: DetectionParameters = Field(default_factory=DetectionParameters)
    changes: ChangesParameters = Field(default_factory=ChangesParameters)
    correlation: CorrelationParameters = Field(default_factory=CorrelationParameters)
    serve: ServeParameters = Field(default_factory=ServeParameters)
    kafka: KafkaParameters = Field(default_factory=KafkaParameters)


def load(
    path: Path | None = None, options: Mapping[str, Mapping[str, Any]] | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in force. `path` takes precedence over `HIGHWATER_CONFIG`; `options` is section → key → value.

    Raises ConfigurationError that names the key and where it was set.
    """
    chosen = path or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    tree = _read(chosen) if chosen else {}
    _merge(tree, _from_environment(environment))
    _merge(tree, {section: dict(keys) for section, keys in (options or {}).items()})
    try:
        return Settings.model_validate(tree)
    except ValidationError as fault:
        raise ConfigurationError(_first(fault, chosen)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigurationError(f"can't read the configuration {path}: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"{path} is not valid TOML: {fault}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """`HIGHWATER_SERVE__PORT=9000` → {"serve": {"port": "9000"}}; values are parsed as TOML, or kept as text if that fails."""
    tree: dict[str, Any] = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        *sections, key = name.removeprefix(PREFIX).lower().split("__")
        table = tree
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = environment[name]
    return tree


def _merge(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def _first(fault: ValidationError, path: Path | None) -> str:
    error = fault.errors()[0]
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown setting {key} ({path or 'environment'}): `highwater config check` lists the valid settings"
    shown = f" (it is {error['input']!r:.60})" if "input" in error and "token" not in key else ""
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"setting {key}: {text[:1].lower()}{text[1:]}{shown}"
