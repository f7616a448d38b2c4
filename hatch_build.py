"""Building a wheel: the window of message rates goes in compiled where there is a C compiler; without one the wheel does without it."""

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from detectors.compiled.build import LIBRARY, build  # noqa: E402 - the source tree is no package yet


class CompiledWindow(BuildHookInterface[Any]):
    """Compiles `detectors/compiled/window.c` for the machine that builds."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the library, and marks the platform of the wheel."""
        if version == "editable" or not build():
            return
        build_data["artifacts"].append(str(LIBRARY.relative_to(ROOT)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
