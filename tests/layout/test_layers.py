"""The root is the map: a folder imports only from those above it, and owns its top-level name alone."""

import ast
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from models.distribution import NAME

ROOT = Path(__file__).parents[2]
LAYERS = ("models", "detectors", "changes", "correlation", "simulator", "streams", "service", "config", "highwater")
LISTS = frozenset({"simulator", "simulator/scenarios", "simulator/realities", "highwater/commands", "models"})
"""Folders of one file each and its line in a list: scenarios, commands, the models of the contract. They may be long."""
MOST_FILES = 16
HEAVY = frozenset({"faust", "mode", "aiokafka", "kafka", "apprise", "jwt", "testcontainers"})


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Top-level names that a file imports, anywhere in it."""
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in top_names(node)}


def top_names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        return {node.module.partition(".")[0]}
    return set()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_folder_imports_only_from_those_above_it(layer: str) -> None:
    below = set(LAYERS[LAYERS.index(layer) + 1 :])
    offenders = {str(path.relative_to(ROOT)): sorted(imports(path) & below) for path in sources(layer)}
    assert {path: names for path, names in offenders.items() if names} == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_product_code_never_imports_tests_or_benchmarks(layer: str) -> None:
    assert [str(path) for path in sources(layer) if imports(path) & {"tests", "benchmarks"}] == []


def test_no_installed_distribution_brings_a_top_level_name_of_ours() -> None:
    installed = packages_distributions()
    assert {name: installed[name] for name in LAYERS if set(installed.get(name, ())) - {"highwater", NAME}} == {}


def module_level(tree: ast.Module) -> set[str]:
    """Top-level names imported when a module is loaded, those under `if TYPE_CHECKING:` left out."""
    return {name for node in tree.body for name in top_names(node)}


def test_the_base_install_loads_no_optional_package() -> None:
    offenders = {
        str(path.relative_to(ROOT)): sorted(module_level(ast.parse(path.read_text())) & HEAVY)
        for layer in LAYERS
        for path in sources(layer)
        if not path.is_relative_to(ROOT / "streams" / "kafka")
    }
    assert {path: names for path, names in offenders.items() if names} == {}


ROOMS: dict[str, tuple[str, ...]] = {
    "models": (
        "distribution", "errors", "wire_model", "times", "rounding", "canonical_json", "state_bytes", "state_tree", "vocabulary",
        "columns", "c_source", "civil_time",
        "response_codes", "dead_letter", "events", "change", "alert", "incident", "change_report", "decisions", "clock", "whole_file",
        "schema", "asyncapi",
    ),
    "detectors": (
        "holidays", "parameters", "state_blocks", "array_math", "interface", "thresholds", "finding_state", "learned_state",
        "distributions", "any_series", "expectation", "rates", "failures", "backlog", "catalogue", "habit_list", "compiled",
        "traffic_runtime", "queue_runtime", "detection", "readiness",
    ),
    "changes": (
        "windows", "limits", "learning_stops", "scope", "visibility", "calendar_view", "calendar", "drafting", "files", "planning",
        "parameters", "http_client",
    ),
    "correlation": (
        "parameters", "phrases", "snapshots", "history", "evaluation_context", "alerts", "incidents", "attribution", "grading",
        "alert_draft",        "change_reports", "evaluation", "wording", "records", "redaction", "correlator",
    ),
    "streams": (
        "decode", "windowing", "sources", "detection_by_resolution", "dead_letters", "flow", "detected_columns", "metrics", "learned_state",
        "process_stage", "pipeline", "replay", "backtest", "sinks", "kafka",
    ),
    "service": (
        "networks", "parameters", "access", "ingest", "problems", "store", "event_stream", "metrics", "auth", "alertmanager", "charts",
        "notify", "engine", "health", "kafka", "planning", "triage", "operations", "monitor", "composition", "http", "demo",
    ),
    "streams/kafka": ("cluster", "client", "exchange", "tasks", "worker"),
}  # fmt: skip
"""The rooms of each folder, a room that others build on before those others."""


def room_imports(folder: str, path: Path) -> set[str]:
    """The rooms of `folder` that a file imports from, anywhere in it."""
    prefix = f"{folder.replace('/', '.')}."
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix(prefix).partition(".")[0] for name in names if name.startswith(prefix)}


def is_module(path: Path) -> bool:
    """Whether a path is a module or a package of modules."""
    return (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()


@pytest.mark.parametrize("folder", ROOMS)
def test_every_module_of_a_folder_stands_in_a_room(folder: str) -> None:
    rooms = {path.stem for path in (ROOT / folder).iterdir() if is_module(path)}
    assert rooms == set(ROOMS[folder])


@pytest.mark.parametrize("folder", ROOMS)
def test_a_room_imports_only_from_those_before_it(folder: str) -> None:
    order = ROOMS[folder]
    offenders = {}
    for path in sources(folder):
        own = path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        if own in order and (later := room_imports(folder, path) & set(order[order.index(own) + 1 :])):
            offenders[str(path.relative_to(ROOT))] = sorted(later)
    assert offenders == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_room_is_a_heap(layer: str) -> None:
    files = Counter(str(path.parent.relative_to(ROOT)) for path in sources(layer))
    assert {room: count for room, count in files.items() if count > MOST_FILES and room not in LISTS} == {}
