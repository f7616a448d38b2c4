"""C source: a file of C that becomes a library beside it where the machine has a compiler (`python -m models.c_source FILE…`)."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FLAGS = ("-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-Wall", "-Wextra")
"""No contraction of products and sums: numpy rounds both. Nobody asks for error numbers or traps, and no value depends on them."""


def compiler() -> str | None:
    """The C compiler of this machine: `CC`, else `cc`."""
    return shutil.which(os.environ.get("CC", "cc"))


@dataclass(frozen=True, slots=True)
class CSource:
    """A source `NAME.c`; its library is `_NAME.so`, which holds the digest of its source as the text `NAME_source`."""

    path: Path

    @property
    def library(self) -> Path:
        """Where the compiled library stands."""
        return self.path.with_name(f"_{self.path.stem}.so")

    def digest(self) -> str:
        """Identifies the version of the source."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def build(self) -> bool:
        """Compiles the library; False where there is no compiler. Raises CalledProcessError where the compiler refuses."""
        compiler_path = compiler()
        if compiler_path is None:
            return False
        with tempfile.TemporaryDirectory(dir=self.library.parent) as folder:
            made = Path(folder) / self.library.name
            definition = f'-DSOURCE_DIGEST="{self.digest()}"'
            command = [compiler_path, *FLAGS, definition, "-o", str(made), str(self.path), "-lm"]
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            made.replace(self.library)
        return True

    def load(self) -> ctypes.CDLL | None:
        """The library; None where it was not built, or was built from another source than the one that is here."""
        try:
            loaded = ctypes.CDLL(str(self.library))
            built_from = text(loaded, f"{self.path.stem}_source")
        except (OSError, ValueError):
            return None
        return None if self.path.exists() and built_from != self.digest() else loaded


def text(loaded: ctypes.CDLL, name: str) -> str:
    """A text that a library holds; its end is a zero byte."""
    return ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(loaded, name))).decode()


def main(names: list[str]) -> None:
    """Compiles the named files."""
    for name in names:
        try:
            if not CSource(Path(name)).build():
                print("no C compiler (cc): events and windows are computed by numpy alone, with the same results but more slowly")
                return
        except subprocess.CalledProcessError as fault:
            sys.exit(f"{name} does not compile: {fault.stderr}")


if __name__ == "__main__":
    main(sys.argv[1:])
