"""The broker's jars: fetched once from Maven Central, checked against committed checksums, kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "4.1.2"
_HERE = Path(__file__).parent


class UnavailableError(Exception):
    """No broker can be started here; the message says what to install."""


def missing() -> list[str]:
    """What this machine lacks to run a broker from jars."""
    return [name for command, name in (("java", "a Java 17 runtime"), ("mvn", "Maven 3.8 or later")) if shutil.which(command) is None]


def jars() -> Path:
    """The folder with Kafka's jars. Raises UnavailableError where they can't be had, RuntimeError where they are not the ones we know."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "highwater" / f"kafka-{VERSION}"
    if not home.is_dir():
        _fetch(home)
    _check(home)
    return home


def _fetch(home: Path) -> None:
    if lacking := missing():
        raise UnavailableError(f"a broker needs {' and '.join(lacking)} (Debian: apt-get install openjdk-17-jre-headless maven)")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        libs = Path(folder, "libs")
        shutil.copy(_HERE / "pom.xml", folder)
        fetched = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if fetched.returncode:
            raise UnavailableError(f"Maven can't fetch Kafka {VERSION}: {fetched.stdout[-500:]}")
        _check(libs)
        if not home.is_dir():
            libs.rename(home)


def _check(libs: Path) -> None:
    known = dict(reversed(line.split()) for line in (_HERE / "jars.sha256").read_text().splitlines())
    by_key = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(libs.glob("*.jar"))}
    if by_key != known:
        different = sorted(name for name in known.keys() | by_key.keys() if known.get(name) != by_key.get(name))
        raise RuntimeError(
            f"{libs} does not hold the jars of tests/kafka/jars.sha256 ({', '.join(different[:5])}): delete it to fetch them anew"
        )
