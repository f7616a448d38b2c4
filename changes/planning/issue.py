"""Issue: a month's published schedule with its notice date and the differences to the previous issue, in every format."""

import html
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from changes.files.cells import escape_formula
from changes.planning.schedule import COLUMNS, LED, OTHERS, Entry, as_csv, as_ics, as_markdown, led_row, parted, summary_row
from changes.planning.sec_limits import SecParameters
from changes.planning.working_days import Holidays, latest_notice
from models.errors import UnreadableInput

_STYLE = """body{font:11pt sans-serif;margin:2em}table{border-collapse:collapse;width:100%;margin-bottom:2em}
th,td{border:1px solid gray;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}tr{break-inside:avoid}
@media print{body{margin:0;font-size:9pt}thead{display:table-header-group}}"""

_FIXED = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Issue:
    """The published content of a month."""

    month: str
    entries: tuple[Entry, ...]
    notice_due: date
    """The last day on which informing Parties gives the notice in the settings."""
    changed: tuple[str, ...] = ()
    """The differences to the previous issue, one per line."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines above the tables."""
        return (f"Parties are informed of Planned Maintenance of this month by {self.notice_due.isoformat()}.", *self.changed)


def issue_of(
    entries: tuple[Entry, ...], month: str, limits: SecParameters, holidays: Holidays, before: Sequence[dict[str, Any]] = ()
) -> Issue:
    """The issue of a month; `before` are the entries of the previous issue."""
    first = date(int(month[:4]), int(month[5:7]), 1)
    due = latest_notice(first, limits.notice_working_days, holidays)
    return Issue(month, entries, due, tuple(_changes(entries, before)) if before else ())


def read_issue(path: Path) -> list[dict[str, Any]]:
    """The entries of an issue that was published as JSON. Raises UnreadableInput."""
    try:
        entries = json.loads(path.read_bytes())["entries"]
        if all(isinstance(entry["start"], str) and isinstance(entry["title"], str) for entry in entries):
            return list(entries)
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        entries = None
    raise UnreadableInput(f"{path} is not an issue of a schedule: give one that was published with --format json")


def as_json(issue: Issue) -> bytes:
    """`{"month", "entries", "notice_due", "changed"}`."""
    tree = {
        "month": issue.month,
        "entries": [entry.as_object for entry in issue.entries],
        "notice_due": issue.notice_due.isoformat(),
        "changed": list(issue.changed),
    }
    return json.dumps(tree, ensure_ascii=False, indent=2).encode() + b"\n"


def as_html(issue: Issue) -> bytes:
    """A complete page to print or to put on a site: no script, nothing to fetch."""
    led, others = parted(issue.entries)
    title = f"Schedule of changes, {html.escape(issue.month)}"
    remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in issue.remarks)
    body = (
        f"<h1>{title}</h1><p>All times are UTC.</p><ul>{remarks}</ul>"
        f"<h2>Led by the DCC</h2>{_html_table(LED, map(led_row, led))}<h2>Led by others</h2>{_html_table(OTHERS, map(summary_row, others))}"
    )
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'.encode()


def as_xlsx(issue: Issue) -> bytes:
    """A workbook with one sheet, one entry per row; no cell is a formula."""
    import xlsxwriter  # type: ignore[import-untyped] # it brings no types

    content = io.BytesIO()
    # The same entries give the same bytes: the workbook contains no time of its own.
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    workbook.set_properties({"title": f"Schedule of changes, {issue.month}", "created": _FIXED})
    sheet, bold = workbook.add_worksheet(issue.month), workbook.add_format({"bold": True})
    for column, name in enumerate(COLUMNS):
        sheet.write_string(0, column, name, bold)
    for row, entry in enumerate(issue.entries, start=1):
        fields = entry.as_object
        for column, name in enumerate(COLUMNS):
            sheet.write_string(row, column, escape_formula(_cell(fields.get(name))))
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    workbook.close()
    return content.getvalue()


ISSUES: dict[str, Callable[[Issue], bytes]] = {
    "md": lambda issue: as_markdown(issue.entries, issue.month, issue.remarks),
    "csv": lambda issue: as_csv(issue.entries),
    "ics": lambda issue: as_ics(issue.entries, issue.month),
    "json": as_json,
    "xlsx": as_xlsx,
    "html": as_html,
}
"""Format → writer."""


def _changes(entries: Iterable[Entry], before: Sequence[dict[str, Any]]) -> Iterable[str]:
    stood = {_name(entry): entry for entry in before}
    stands = {_name(entry.as_object): entry.as_object for entry in entries}
    for name, entry in stands.items():
        earlier = stood.get(name)
        if earlier is None:
            yield f"New: {_entry_text(entry)}."
        elif (earlier["start"], earlier["end"]) != (entry["start"], entry["end"]):
            yield f"Moved: {_entry_text(entry)}; before: {earlier['start']} to {earlier['end']}."
        elif earlier.get("status") != entry.get("status"):
            yield f"Now {entry['status']}: {_entry_text(entry)}."
        elif any(earlier.get(field) != entry.get(field) for field in entry if field != "revision"):
            yield f"Revised: {_entry_text(entry)}."
    for name, entry in stood.items():
        if name not in stands:
            yield f"No longer in this month: {_entry_text(entry)}."


def _name(entry: dict[str, Any]) -> tuple[str, str]:
    return str(entry["owner"]), str(entry.get("change_id") or entry["title"])


def _entry_text(entry: dict[str, Any]) -> str:
    return f"{entry['title']} ({entry['owner']}), {entry['start']} to {entry['end']}"


def _cell(value: Any) -> str:
    return "" if value is None else "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return "<p>None.</p>"
    return f"<table><thead><tr>{''.join(f'<th>{html.escape(name)}</th>' for name in header)}</tr></thead><tbody>{lines}</tbody></table>"
