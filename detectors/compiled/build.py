"""Building: `window.c` becomes a library where the machine has a C compiler (`python -m detectors.compiled.build`)."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("window.c")
LIBRARY = Path(__file__).with_name("_window.so")
FLAGS = ("-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-Wall", "-Wextra")
"""No contraction of products and sums: numpy rounds both. Nobody asks for error numbers or traps, and no value depends on them."""


def source_digest() -> str:
    """Identifies the version of the source."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def compiler() -> str | None:
    """The C compiler of this machine: `CC`, else `cc`."""
    return shutil.which(os.environ.get("CC", "cc"))


def build(to: Path = LIBRARY) -> bool:
    """Compiles the library; False where there is no compiler. Raises CalledProcessError where the compiler refuses."""
    compiler_path = compiler()
    if compiler_path is None:
        return False
    with tempfile.TemporaryDirectory(dir=to.parent) as folder:
        made = Path(folder) / to.name
        definition = f'-DSOURCE_DIGEST="{source_digest()}"'
        subprocess.run([compiler_path, *FLAGS, definition, "-o", str(made), str(SOURCE), "-lm"], check=True, capture_output=True, text=True)  # noqa: S603
        made.replace(to)
    return True


if __name__ == "__main__":
    try:
        if not build():
            print("no C compiler (cc): windows are computed by numpy alone, with the same results but more slowly")
    except subprocess.CalledProcessError as fault:
        sys.exit(f"{SOURCE} does not compile: {fault.stderr}")
