"""The root is the map: a folder imports only from those above it, and owns its top-level name alone."""

import ast
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("models", "detectors", "changes", "correlation", "simulator", "streams", "service", "config", "highwater")
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
    assert {name: installed[name] for name in LAYERS if set(installed.get(name, ())) - {"highwater"}} == {}


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
