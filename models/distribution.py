"""The installed distribution: `highwater` on the package index is somebody else's project, so ours has another name than the command."""

from importlib.metadata import PackageNotFoundError, version

NAME = "highwater-monitor"


def installed_version() -> str:
    """The version of this program; `0` where it runs without being installed."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0"
