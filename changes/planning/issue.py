"""Issue: a month's published schedule with its notice date and the differences to the previous issue, in every format."""

import html
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from changes.files.cells import escape_formula
from changes.files.writer import table
from changes.planning.issue_differences import Difference, differences
from changes.planning.schedule import COLUMNS, LED, OTHERS, Entry, as_ics, as_markdown, led_row, parted, summary_row
from changes.planning.sec_limits import SecParameters
from changes.planning.working_days import Holidays, latest_notice
from models.errors import UnreadableInput

_STYLE = """body{font:11pt sans-serif;margin:2em}table{border-collapse:collapse;width:100%;margin-bottom:2em}
th,td{border:1px solid gray;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}tr{break-inside:avoid}
@media print{body{margin:0;font-size:9pt}thead{display:table-header-group}}"""

_COLUMNS = (*COLUMNS, "notice_due", "changed")
"""Of the tables."""
_FIXED = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Issue:
    """The published content of a month."""

    month: str
    entries: tuple[Entry, ...]
    notice_due: date
    """The last day on which informing Parties gives the notice in the settings."""
    differences: tuple[Difference, ...] = ()
    """To the previous issue."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The differences, one per line."""
        return tuple(one.text for one in self.differences)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines above the tables."""
        return (f"Parties are informed of Planned Maintenance of this month by {self.notice_due.isoformat()}.", *self.changed)


def issue_of(
    entries: tuple[Entry, ...], month: str, limits: SecParameters, holidays: Holidays, before: Sequence[dict[str, Any]] | None = None
) -> Issue:
    """The issue of a month; `before` are the entries of the previous issue, None if there was none."""
    first = date(int(month[:4]), int(month[5:7]), 1)
    due = latest_notice(first, limits.notice_working_days, holidays)
    compared = () if before is None else differences([entry.as_object for entry in entries], before)
    return Issue(month, entries, due, compared)


def read_issue(path: Path, month: str) -> list[dict[str, Any]]:
    """The entries of an issue of `month` that was published as JSON. Raises UnreadableInput."""
    try:
        tree = json.loads(path.read_bytes())
        entries = tree["entries"]
        if tree.get("month", month) != month:
            raise UnreadableInput(f"{path} is an issue of {tree['month']!r:.20}: give the previous issue of {month}")
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
    """A workbook: the entries, one per row, and what is said above them elsewhere; no cell is a formula."""
    import xlsxwriter  # type: ignore[import-untyped] # it brings no types

    content = io.BytesIO()
    # The same entries give the same bytes: the workbook contains no time of its own.
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    workbook.set_properties({"title": f"Schedule of changes, {issue.month}", "created": _FIXED})
    sheet, bold = workbook.add_worksheet(issue.month), workbook.add_format({"bold": True})
    for column, name in enumerate(_COLUMNS):
        sheet.write_string(0, column, name, bold)
    for row, fields in enumerate(_rows(issue), start=1):
        for column, name in enumerate(_COLUMNS):
            sheet.write_string(row, column, escape_formula(_cell(fields.get(name))))
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    notes = workbook.add_worksheet("Notes")
    for row, remark in enumerate(issue.remarks):
        notes.write_string(row, 0, escape_formula(remark))
    notes.autofit()
    workbook.close()
    return content.getvalue()


ISSUES: dict[str, Callable[[Issue], bytes]] = {
    "md": lambda issue: as_markdown(issue.entries, issue.month, issue.remarks),
    "csv": lambda issue: table(_COLUMNS, _rows(issue)),
    "ics": lambda issue: as_ics(issue.entries, issue.month),
    "json": as_json,
    "xlsx": as_xlsx,
    "html": as_html,
}
"""Format → writer."""


def _rows(issue: Issue) -> Iterator[dict[str, Any]]:
    """Each entry with the day by which Parties are informed, where it is the DCC's, and what the previous issue said otherwise."""
    words = {one.index: one.word for one in issue.differences}
    for index, entry in enumerate(issue.entries):
        due = {"notice_due": issue.notice_due.isoformat()} if "change_id" in entry.fields else {}
        yield {**entry.as_object, **due, "changed": words.get(index, "")}


def _cell(value: Any) -> str:
    return "" if value is None else "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return "<p>None.</p>"
    return f"<table><thead><tr>{''.join(f'<th>{html.escape(name)}</th>' for name in header)}</tr></thead><tbody>{lines}</tbody></table>"
