"""Building a wheel: the C sources go in compiled where there is a C compiler; without one the wheel does without them."""

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from models.c_source import CSource  # noqa: E402 - the source tree is no package yet

SOURCES = tuple(CSource(ROOT / name) for name in ("detectors/compiled/window.c", "streams/decode/compiled/fields.c"))


class CompiledParts(BuildHookInterface[Any]):
    """Compiles the C sources for the machine that builds."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the libraries, and marks the platform of the wheel."""
        if version == "editable" or not all(source.build() for source in SOURCES):
            return
        build_data["artifacts"] += [str(source.library.relative_to(ROOT)) for source in SOURCES]
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
