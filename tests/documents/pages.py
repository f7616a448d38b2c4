"""Pages: the commands that a document tells people to type, run as they stand in a folder that holds nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Path(sys.executable).parents[1]


def section(document: str, heading: str) -> str:
    """The text under a heading, up to the next one of the same or a higher level."""
    text = (ROOT / document).read_text()
    matches = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert matches, f"{document} has no heading {heading!r}"
    return matches[2]


def commands(text: str) -> list[list[str]]:
    """The lines of each code block, without comments."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [[re.sub(r"\s+#.*$", "", line) for line in block.splitlines() if line.strip()] for block in blocks]


def sandboxed(line: str, root: Path) -> str:
    """The same command with the system's folders below `root`."""
    return re.sub(r"(?<![\w.])/(opt|var|etc)/", rf"{root}/\1/", line)


def shell(line: str, folder: Path, **environment: str) -> str:
    """What a command prints; fails with all that it said if it ends with another code than 0."""
    done = subprocess.run(["bash", "-euc", line], cwd=folder, capture_output=True, text=True, env=clean() | environment, timeout=300)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def clean() -> dict[str, str]:
    """The environment of somebody who has never heard of this checkout, without the network."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HIGHWATER_", "PYTEST_", "PYTHON", "UV_", "VIRTUAL_ENV"))
    }
    return kept | {"UV_OFFLINE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}


def checkout(folder: Path) -> Path:
    """A copy of the files that a clone of this repository has, with our environment."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ENVIRONMENT, target_is_directory=True)
    return folder


def with_our_packages(environment: Path) -> None:
    """Lets a new environment see the packages that are installed here, so that nothing has to be fetched."""
    (site,) = environment.glob("lib/python3*/site-packages")
    (ours,) = ENVIRONMENT.glob("lib/python3*/site-packages")
    (site / "ours.pth").write_text(f"{ours}\n")
