"""The systemd unit and the Dockerfile say what is so: they pass their own tools, and every path, setting and step in them is real."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from service.http.server import _GRACE_S

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "systemd" / "highwater.service"
MOST_EXPOSED = 2.0
MOST_MB = 350


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def settings_named(text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings as this text's HIGHWATER_… assignments leave them; a name that is none of ours is an error."""
    for name, value in re.findall(r"(HIGHWATER_[A-Z_]+__[A-Z_]+)=(\S+)", text):
        monkeypatch.setenv(name, value)
    return load(None, {})


def fields() -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            by_key.setdefault(name, []).append(value)
    return by_key


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here: install systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with this environment's program in the place of the installed one: what systemd can check here."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/highwater/bin/highwater", str(Path(sys.executable).with_name("highwater"))))
    return path


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_service_is_little_exposed(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True)
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_unit_s_settings_are_ours_and_it_writes_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fields()
    data = settings_named(UNIT.read_text(), monkeypatch).serve.data_dir
    assert [str(data)] == [f"/var/lib/{name}" for name in settings["StateDirectory"]]
    assert settings["ExecStart"] == ["/opt/highwater/bin/highwater serve"]
    assert settings["User"] == settings["Group"] == ["highwater"]
    assert int(settings["TimeoutStopSec"][0]) > 2 * _GRACE_S, "a graceful stop must not be cut short"


def stages() -> list[list[tuple[str, str]]]:
    """Each stage's instructions of the Dockerfile, in order."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    listed: list[list[tuple[str, str]]] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.strip().partition(" ")
            if name == "FROM":
                listed.append([])
            listed[-1].append((name, rest))
    return listed


def of(name: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for instruction, rest in stage if instruction == name]


def test_the_image_runs_as_nobody_special_and_writes_to_its_volume_only(monkeypatch: pytest.MonkeyPatch) -> None:
    final = stages()[-1]
    names = [name for name, _ in final]
    assert of("USER", final) == ["highwater"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert re.search(r"--uid (\d+)", " ".join(of("RUN", final)))
    settings = settings_named(" ".join(of("ENV", final)), monkeypatch)
    assert of("VOLUME", final) == [str(settings.serve.data_dir)]
    assert of("EXPOSE", final) == [str(settings.serve.port)]
    assert settings.serve.host == "0.0.0.0"  # noqa: S104 - inside a container
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(of("ENV", final)), "a read-only root"


def test_images_are_pinned_by_version_and_digest() -> None:
    named = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for compose in ROOT.glob("docker-compose*.yml"):
        named += re.findall(r"^\s+image: (\S+)", compose.read_text(), re.MULTILINE)
    pinned = re.compile(r"[a-z/]+:v?\d+\.\d+\.\d+[a-z-]*@sha256:[0-9a-f]{64}")
    assert [one for one in named if not pinned.fullmatch(one)] == ["highwater:local"]
    assert len(named) >= 7


def test_the_image_s_program_python_and_extras_are_those_of_the_project() -> None:
    build, final = stages()
    versions = {re.search(r"python:(\d+\.\d+)", of("FROM", stage)[0])[1] for stage in (build, final)}  # type: ignore[index]  # or the test fails
    assert len(versions) == 1, "an environment only runs on the Python that it was made with"
    assert project()["project"]["requires-python"] == f">={versions.pop()}"
    assert of("ENTRYPOINT", final) == [f'["{next(iter(project()["project"]["scripts"]))}"]']
    assert of("CMD", final) == ['["serve"]']
    extras = set(re.findall(r"--extra (\w+)", (ROOT / "Dockerfile").read_text()))
    assert extras <= set(project()["project"]["optional-dependencies"])
    (check,) = of("HEALTHCHECK", final)
    code = json.loads(check.partition("CMD ")[2])[-1]
    compile(code, "HEALTHCHECK", "exec")
    assert "/readyz" in code


def context() -> list[Path]:
    """What `COPY . .` sends: everything that is not ignored, but for what .dockerignore names."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ignored = (ROOT / ".dockerignore").read_text().split()
    return [Path(name) for name in tracked if not any(fnmatch(name, one) or name.startswith(f"{one}/") for one in ignored)]


def test_no_secret_is_in_the_build_context_or_in_the_repository(tmp_path: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in ("kafka-password.secret", "config/grafana/page-key.secret", "a/b/c/x.secret"):
        assert any(fnmatch(name, one) for one in ignored), name
        assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT).returncode == 0, name
    assert not [path for path in context() if path.suffix == ".secret"]


def test_the_build_s_steps_make_a_program_that_runs_without_extras_and_is_not_large(tmp_path: Path) -> None:
    (run,) = [step for step in of("RUN", stages()[0]) if "uv sync" in step]
    for path in context():
        if (ROOT / path).is_file():
            (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, tmp_path / "src" / path)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "EXTRAS": "", "UV_PYTHON": sys.executable}
    environment.pop("VIRTUAL_ENV", None)
    step = run.replace("/opt/highwater", str(tmp_path / "opt"))
    done = subprocess.run(["sh", "-c", step], cwd=tmp_path / "src", capture_output=True, text=True, env=environment)
    if done.returncode and re.search(r"[Ff]ailed to fetch|dns error|error sending request", done.stderr):
        pytest.skip("the package index can't be reached, so the image's steps can't be run")
    assert done.returncode == 0, done.stderr
    size = sum(path.stat().st_size for path in (tmp_path / "opt").rglob("*") if path.is_file() and not path.is_symlink())
    assert size < MOST_MB * 1_000_000
    program = tmp_path / "opt" / "bin" / "highwater"
    result = subprocess.run([program, "doctor", "--data", str(tmp_path / "data")], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    without = subprocess.run([tmp_path / "opt" / "bin" / "python", "-c", "import jwt"], capture_output=True, text=True)
    assert "No module named" in without.stderr, "the base install carries no extra"
