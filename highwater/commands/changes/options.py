"""Options that the calendar commands share, and the read options that follow from them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from changes.files.reader import ReadOptions
    from changes.planning.conflicts import PlanningRules
    from config.settings import Settings

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Calendars: .json, .ndjson, .csv, .xlsx or .ics, each also with .gz.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", metavar="FILE", help="TOML that translates another system's export.")]
DefaultOwner = Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Owner of rows that do not name one.")]
Timezone = Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Zone of times without offset, such as Europe/London.")]
To = Annotated[str, typer.Option("--to", metavar="FILE|URL", help="Calendar file to write to, or a monitor such as http://127.0.0.1:8480.")]
Token = Annotated[str, typer.Option("--token", envvar="HIGHWATER_TOKEN", show_default=False, help="API token, for a URL.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; without it standard output.")]
CapacityPeaks = Annotated[
    float | None, typer.Option("--capacity", metavar="X", help="Capacity, as a multiple of the usual total of the busiest hour.")
]
UsualFile = Annotated[Path | None, typer.Option("--usual", metavar="FILE", help="JSON: User → usual messages a second, or cells by hour.")]
SystemsFile = Annotated[
    Path | None, typer.Option("--systems", metavar="FILE", help="TOML: system → depends_on, fallback, regions, services.")
]


def read_options(mapping: Path | None, owner: str | None, timezone: str | None) -> "ReadOptions":
    """The defaults that the reader may use, at this moment."""
    from changes.files.field_mapping import read_mapping
    from changes.files.reader import ReadOptions

    return ReadOptions(read_mapping(mapping) if mapping is not None else None, owner, timezone, datetime.now(UTC))


def planning_rules(
    in_force: "Settings", *, capacity: float | None = None, usual: Path | None = None, systems: Path | None = None
) -> "PlanningRules":
    """The capacity and dependencies for the conflict check, from the settings and the options."""
    from changes.planning.conflicts import Capacity, PlanningRules
    from changes.planning.rates import UsualRates, read_rates
    from changes.planning.systems import SystemMap, read_systems
    from correlation.incidents.business_processes import process_of

    rates = read_rates(usual) if usual is not None else UsualRates()
    peaks, per_s = capacity or in_force.changes.capacity_peaks, None if capacity else in_force.changes.capacity_per_s
    known = in_force.correlation.systems | (read_systems(systems) if systems is not None else {})
    return PlanningRules(SystemMap(known), in_force.changes.freezes, Capacity(rates, peaks, per_s, process_of))


def is_url(to: str) -> bool:
    """Whether `target` is a monitor's address rather than a file."""
    return to.startswith(("http://", "https://"))
