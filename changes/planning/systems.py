"""System: a part that changes affect, its dependencies and its replacements; the operator's own map, empty by default."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ConfigurationError, UnreadableInput
from models.wire_model import reason


class SystemParameters(BaseModel):
    """One system of the dependency map (`[correlation.systems."Data Service"]`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    depends_on: tuple[str, ...] = Field((), description="systems without which it does not work")
    fallback: tuple[str, ...] = Field((), description="systems that replace it when it fails")
    regions: tuple[str, ...] = Field((), description="regions that it serves; empty: all")
    services: tuple[str, ...] = Field((), description="services that it carries; empty: all")


class SystemMap:
    """The relations between systems."""

    def __init__(self, systems: Mapping[str, SystemParameters] | None = None) -> None:
        self._systems = dict(systems or {})
        self._reach = lru_cache(maxsize=4096)(self._find_reach)

    def __reduce__(self) -> tuple[type["SystemMap"], tuple[dict[str, SystemParameters]]]:
        """For another process, without what was found already."""
        return SystemMap, (self._systems,)

    def separate(self, some: Iterable[str], others: Iterable[str]) -> bool:
        """Whether the map shows that none of `some` is related to any of `others`; False if one of them is not in the map."""
        ours, theirs = tuple(some), tuple(others)
        if not ours or not theirs or not all(name in self._systems for name in (*ours, *theirs)):
            return False
        return all(self._differ(one, other) for one in ours for other in theirs)

    def linked(self, some: Iterable[str], others: Iterable[str]) -> bool:
        """Whether one of `some` is, needs, or is needed by one of `others`."""
        ours = frozenset().union(*(self._reach(name) for name in some))
        theirs = tuple(others)
        return not ours.isdisjoint(theirs) or not frozenset().union(*(self._reach(name) for name in theirs)).isdisjoint(some)

    def fallback_lost(self, some: Iterable[str], others: Iterable[str]) -> tuple[str, str] | None:
        """(system, its replacement) where `some` contains the one and `others` the other."""
        touched = set(others)
        for name in some:
            known = self._systems.get(name)
            for instead in known.fallback if known is not None else ():
                if instead in touched:
                    return name, instead
        return None

    def _differ(self, one: str, other: str) -> bool:
        first, second = self._systems[one], self._systems[other]
        if _disjoint(first.regions, second.regions) or _disjoint(first.services, second.services):
            return True
        return self._reach(one).isdisjoint(self._reach(other))

    def _find_reach(self, name: str) -> frozenset[str]:
        """The system and all its dependencies."""
        reached, ahead = {name}, [name]
        while ahead:
            known = self._systems.get(ahead.pop())
            for other in known.depends_on if known is not None else ():
                if other not in reached:
                    reached.add(other)
                    ahead.append(other)
        return frozenset(reached)


def _disjoint(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return bool(some) and bool(others) and set(some).isdisjoint(others)


def read_systems(path: Path) -> dict[str, SystemParameters]:
    """A dependency map from a TOML file, one table per system. Raises UnreadableInput or ConfigurationError with the key that is wrong."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: SystemParameters.model_validate(fields) for name, fields in tree.items()}
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UnreadableInput(f"{path} is not valid TOML: {fault}") from None
    except ValidationError as fault:
        raise ConfigurationError(f"{path}: {reason(fault)}") from None
