"""Options that several commands share, and the settings that follow from them.

Settings are imported where they are used: `--help` needs none of their imports.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from config.settings import Settings

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings as TOML; else HIGHWATER_CONFIG, else the defaults.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for machines.")]


def settings(config: Path | None, **sections: dict[str, Any]) -> "Settings":
    """The settings in force. In `sections` (section → key → value) None means that the option was not given."""
    from config.settings import load

    given = {section: {key: value for key, value in keys.items() if value is not None} for section, keys in sections.items()}
    return load(config, given)
