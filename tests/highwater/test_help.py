"""`highwater --help` loads what it prints, and nothing that a command brings with it."""

import subprocess
import sys


def test_help_loads_neither_arrays_nor_models() -> None:
    program = (
        "import sys; from highwater.cli import run; run(['--help']); print(sorted({'numpy', 'pydantic', 'fastapi'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "replay" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
