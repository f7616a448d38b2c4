"""The installed distribution. Its name differs from the command, because `highwater` on the package index is another project."""

from importlib.metadata import PackageNotFoundError, version

NAME = "highwater-monitor"


def installed_version() -> str:
    """The version of this program; `0` if it runs without being installed."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0"
