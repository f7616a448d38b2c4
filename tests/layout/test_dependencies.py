"""Every import is a declared dependency of the place that imports it, and every declared dependency is used."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("models", "detectors", "changes", "correlation", "simulator", "streams", "service", "config", "highwater")
OURS = {*PRODUCT, "tests", "benchmarks"}
LOADED_BY_OTHERS = {
    "cramjam": "aiokafka compresses with it",
    "httptools": "uvicorn reads requests with it",
    "lz4": "kafka-python compresses with it",
    "python-snappy": "kafka-python compresses with it",
    "zstandard": "kafka-python compresses with it",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}

IN_ITS_OWN_ENVIRONMENT = {"quixstreams": {"benchmarks/kafka_quix.py"}}
"""It needs an older pydantic than ours; `benchmarks.kafka_peers` names its version."""


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(name: str) -> str:
    """The name as packaging tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    """The distributions that a list of requirements names."""
    return {normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in requirements}


def base() -> set[str]:
    return names(project()["project"]["dependencies"])


def extras() -> set[str]:
    return {name for requirements in project()["project"]["optional-dependencies"].values() for name in names(requirements)}


def group(name: str) -> set[str]:
    return names(project()["dependency-groups"][name])


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, those given to `import_module` too."""
    listed = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            listed |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            listed.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "importlib.import_module"):
            listed |= {one.value.partition(".")[0] for one in node.args[:1] if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return listed


known_distributions = cache(packages_distributions)


@cache
def distributions(folder: str) -> dict[str, set[str]]:
    """Distribution → files of a folder that import it; the standard library and our own packages are left out."""
    known = known_distributions()
    by_key: dict[str, set[str]] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imported(path) - sys.stdlib_module_names - OURS:
            for distribution in {normal(one) for one in known.get(name, [name])}:
                by_key.setdefault(distribution, set()).add(str(path.relative_to(ROOT)))
    return by_key


@pytest.mark.parametrize("folder", PRODUCT)
def test_the_program_imports_only_what_it_declares(folder: str) -> None:
    assert {name: files for name, files in distributions(folder).items() if name not in base() | extras()} == {}


@pytest.mark.parametrize(("folder", "group_name"), [("tests", "dev"), ("benchmarks", "bench")])
def test_tests_and_benchmarks_import_only_what_is_declared(folder: str, group_name: str) -> None:
    declared = base() | extras() | group("dev") | group(group_name)
    undeclared = {name: files for name, files in distributions(folder).items() if name not in declared}
    assert undeclared == (IN_ITS_OWN_ENVIRONMENT if folder == "benchmarks" else {})


def test_every_dependency_of_the_program_is_used() -> None:
    used = {name for folder in PRODUCT for name in distributions(folder)} | set(LOADED_BY_OTHERS)
    assert (base() | extras()) - used == set()


def test_settings_are_read_without_pydantic_settings() -> None:
    assert "pydantic-settings" not in base()
