"""One command line, in this process: starting another takes longer than most commands."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from highwater.cli import run


@dataclass
class Outcome:
    returncode: int
    stdout: str
    stderr: str


def highwater(*arguments: str | Path, **environment: str) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in environment.items():
            patch.setenv(name, value)
        code = run([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())
