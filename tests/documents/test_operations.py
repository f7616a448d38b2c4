"""docs/operations.md, from an empty folder: build, install, run, upgrade, go back."""

import os
import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents.pages import ROOT, checkout, commands, sandboxed, section, shell, with_our_packages

PAGE = "docs/operations.md"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NEXT = "0.2.0"
OTHERS = ("systemctl", "useradd", "chown")
"""What only root may do, or only where systemd runs."""


@dataclass(frozen=True)
class Server:
    """A machine with nothing on it: `opt`, `var` and `etc` below a folder, and `dist/` as it was copied there."""

    root: Path

    def run(self, lines: list[str]) -> list[str]:
        """What each line prints."""
        return [self._run(line) for line in lines if not line.startswith(OTHERS)]

    def _run(self, line: str) -> str:
        output = shell(sandboxed(line, self.root), self.root)
        if " -m venv " in line:
            with_our_packages(Path(sandboxed(line, self.root).split()[-1]))
        return output


def build(folder: Path) -> Path:
    """`make wheel` in a checkout; the folder that holds `dist/`."""
    source = checkout(folder)
    make, *_ = commands(section(PAGE, "Install on a server"))
    # Our environment is up to date: it must not be made to look at the copy.
    shell(f"{make[0]} --old-file .venv/.base", source)
    return source


def newer(installed: Path, beside: Path) -> None:
    """The same program as version NEXT in a folder of its own: quicker than to build and install it again."""
    shutil.copytree(installed, beside, symlinks=True)
    for path in (*beside.glob("bin/highwater"), *beside.glob("lib/python3*/site-packages/highwater_monitor-*.dist-info/METADATA")):
        text = path.read_text().replace(str(installed), str(beside))
        path.write_text(text.replace(f"\nVersion: {VERSION}\n", f"\nVersion: {NEXT}\n"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with the version of this checkout, installed as the page says."""
    root = tmp_path_factory.mktemp("server")
    for name in ("opt", "etc/systemd/system", "var/lib", "var/backups"):
        (root / name).mkdir(parents=True)
    built = build(tmp_path_factory.mktemp("built"))
    (root / "dist").symlink_to(built / "dist")
    server = Server(root)
    *_, version = server.run(commands(section(PAGE, "Install on a server"))[1])
    assert version == f"highwater {VERSION}\n"
    return server


def test_the_wheel_holds_the_program_and_the_unit_file(server: Server) -> None:
    service = commands(section(PAGE, "Install on a server"))[3]
    server.run(service)
    unit = (server.root / "etc/systemd/system/highwater.service").read_text()
    assert unit == (ROOT / "config/systemd/highwater.service").read_text()
    assert "ExecStart=/opt/highwater/bin/highwater serve" in unit
    loaded = shell(f"{server.root}/opt/highwater/bin/python -c 'import service; print(service.__file__)'", server.root)
    assert loaded.startswith(str((server.root / "opt").resolve()))


def test_the_list_of_packages_names_each_with_its_hash_and_not_the_program_itself(server: Server) -> None:
    listed = (server.root / "dist/requirements.txt").read_text()
    names = re.findall(r"^([a-z0-9._-]+)==", listed, re.MULTILINE)
    assert {"numpy", "fastapi", "uvicorn"} <= set(names)
    assert not [name for name in names if name.startswith("highwater")]
    assert listed.count("--hash=sha256:") >= len(names)


def test_an_upgrade_keeps_the_data_and_the_way_back_leads_to_the_data_before(server: Server) -> None:
    installation, data = server.root / "opt/highwater", server.root / "var/lib/highwater"
    shell(f"{installation}/bin/highwater tokens create --role triage --name desk --data {data}", server.root)
    upgrade, back = commands(section(PAGE, "Upgrade"))[0], commands(section(PAGE, "Go back"))[0]
    newer(installation.resolve(), server.root / f"opt/highwater-{NEXT}")
    server.run(upgrade)
    assert shell(f"{installation}/bin/highwater --version", server.root) == f"highwater {NEXT}\n"
    shell(f"{installation}/bin/highwater tokens create --role observer --name later --data {data}", server.root)
    server.run(back)
    assert shell(f"{installation}/bin/highwater --version", server.root) == f"highwater {VERSION}\n"
    listed = shell(f"{installation}/bin/highwater tokens list --data {data}", server.root)
    assert "desk" in listed
    assert "later" not in listed


def test_a_checkout_is_installed_by_one_line(tmp_path: Path) -> None:
    (line,) = commands(section(PAGE, "Install on a server"))[2]
    source = checkout(tmp_path / "source")
    (tmp_path / "opt").mkdir()
    planned = shell(f"{sandboxed(line, tmp_path)} --old-file .venv/.base --dry-run", source)
    assert f"UV_PROJECT_ENVIRONMENT='{tmp_path}/opt/highwater-{VERSION}'" in planned
    assert "uv sync --frozen --no-dev --no-editable" in planned


def test_make_removes_the_old_distribution_before_it_installs_the_new_one(tmp_path: Path) -> None:
    source = checkout(tmp_path / "source")
    (source / ".venv").unlink()
    uv = Path(os.environ.get("VIRTUAL_ENV", "")) / "bin" / "uv"
    uv = uv if uv.exists() else Path(ROOT / ".venv" / "bin" / "uv")
    shell(f"{uv} venv --quiet --python python3 .venv && ln -s {uv} .venv/bin/uv", source)
    (site,) = (source / ".venv").glob("lib/python3*/site-packages")
    old = site / "highwater-0.1.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.4\nName: highwater\nVersion: 0.1.0\n")
    (old / "INSTALLER").write_text("uv\n")
    (site / "_highwater.pth").write_text(str(source))
    names = ("_highwater.pth", f"{old.name}/METADATA", f"{old.name}/INSTALLER", f"{old.name}/RECORD")
    (old / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    recipe = shell("make --dry-run .venv/.base", source)
    assert recipe.index("pip uninstall") < recipe.index("uv sync")
    shell(next(line for line in recipe.splitlines() if "pip uninstall" in line), source)
    assert not old.exists()
    assert not (site / "_highwater.pth").exists()
