"""Schedule: a month's changes as Parties may see them (SEC H8.4 for the DCC's, public summaries for Users')."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from changes.files.writer import to_ics
from changes.visibility import is_public
from changes.windows import window_us
from models.canonical_json import to_json
from models.change import Change
from models.errors import ConfigurationError
from models.times import HOUR_US, format_time, us

DCC_FIELDS = (
    "change_id",
    "revision",
    "owner",
    "title",
    "category",
    "status",
    "services",
    "systems",
    "regions",
    "disruption",
    "return_to_normal_risk",
    "description",
    "contact",
)
SUMMARY_FIELDS = ("owner", "title", "category", "services", "regions")
LED = ("Start", "End", "Hours", "Activity", "Services", "Disruption", "Risk to the return of normal Services", "Status")
OTHERS = ("Start", "End", "Owner", "Activity", "Category", "Services", "Regions")
MONTH = r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"
"""The months that have a schedule."""
COLUMNS = ("start", "end", "duration_h", *DCC_FIELDS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule; it does not contain fields that a Party may not see."""

    start_us: int
    end_us: int
    fields: dict[str, Any]

    def meets(self, from_us: int, to_us: int) -> bool:
        """Whether it overlaps a span of time, end exclusive."""
        return self.start_us < to_us and (self.end_us > from_us or self.start_us >= from_us)

    @property
    def as_object(self) -> dict[str, Any]:
        """A JSON-like object, start and end first."""
        return {"start": format_time(self.start_us), "end": format_time(self.end_us), "duration_h": self.duration_h, **self.fields}

    @property
    def duration_h(self) -> float:
        """Hours, to a hundredth."""
        return round((self.end_us - self.start_us) / HOUR_US, 2)


def month_us(month: str) -> tuple[int, int]:
    """`2026-02` → its start and end (exclusive) in UTC. Raises ConfigurationError for anything else."""
    if re.fullmatch(MONTH, month) is None:
        raise ConfigurationError(f"{month!r} is not a month from 1900 to 2199: write it like 2026-02")
    first = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return us(first), us(following)


def schedule(changes: Iterable[Change], month: str) -> tuple[Entry, ...]:
    """The entries of a month, by start, then owner and title.

    The DCC's changes in full, including cancelled ones (Parties must learn that they do not take place) but not drafts; other owners'
    only with `visibility` public_summary, and only owner, title, category, window, services and regions. Everything else is left out.
    """
    from_us, to_us = month_us(month)
    entries = [entry for change in changes if (entry := _entry(change)) is not None and entry.meets(from_us, to_us)]
    return tuple(sorted(entries, key=lambda entry: (entry.start_us, entry.fields["owner"], entry.fields["title"], entry.end_us)))


def _entry(change: Change) -> Entry | None:
    if change.status == "draft":
        return None
    start_us, end_us = window_us(change)
    fields = {name: _visible(value) for name, value in json.loads(to_json(change)).items()}
    if change.source == "dcc":
        return Entry(start_us, end_us, {name: fields[name] for name in DCC_FIELDS})
    if not is_public(change) or change.status == "cancelled":
        return None
    return Entry(start_us, end_us, {name: fields[name] for name in SUMMARY_FIELDS})


def _visible(value: Any) -> Any:
    """Text without what can't be seen: a title that reverses the line that it is in, or that clears the reader's terminal."""
    if isinstance(value, list):
        return [_visible(one) for one in value]
    if not isinstance(value, str) or value.isprintable():
        return value
    seen = (sign for sign in value.replace("\r\n", "\n") if unicodedata.category(sign) != "Cf")
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in seen) or "?"


def as_ics(entries: Sequence[Entry], month: str) -> bytes:
    """Events for people's own calendars."""
    counts: Counter[tuple[str, str]] = Counter()
    events = []
    for entry in entries:
        name = str(entry.fields["owner"]), str(entry.fields["title"])
        counts[name] += 1
        # The next issue gives the same event the same UID, whatever else is in it.
        digest = sha256(f"{name[0]}\0{name[1]}\0{counts[name]}".encode()).hexdigest()[:16]
        events.append(_published(entry, f"{month}-{digest}"))
    return to_ics(events)


def parted(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries that the DCC leads, and the others."""
    led = [entry for entry in entries if "change_id" in entry.fields]
    return led, [entry for entry in entries if "change_id" not in entry.fields]


def as_markdown(entries: Sequence[Entry], month: str, remarks: Sequence[str] = ()) -> bytes:
    """A page to read: the DCC's changes with the items of SEC H8.4, then the Users'; `remarks` are above them."""
    led, others = parted(entries)
    lines = [f"# Schedule of changes, {month}", "", "All times are UTC.", ""]
    lines += [*(f"- {_plain(remark)}" for remark in remarks), ""] if remarks else []
    lines += ["## Led by the DCC", ""]
    lines += _markdown_table(LED, map(led_row, led))
    lines += ["", "## Led by others", ""]
    lines += _markdown_table(OTHERS, map(summary_row, others))
    return ("\n".join(lines) + "\n").encode()


def led_row(entry: Entry) -> Sequence[str]:
    """The cells under LED."""
    fields = entry.fields
    parts = [*fields["services"], *fields["systems"]]
    activity = f"{fields['title']} ({fields['change_id']})"
    hours, risk = f"{entry.duration_h:g}", fields["return_to_normal_risk"] or "not stated"
    return (
        _time(entry.start_us),
        _time(entry.end_us),
        hours,
        activity,
        ", ".join(parts) or "not stated",
        fields["disruption"],
        risk,
        fields["status"],
    )


def summary_row(entry: Entry) -> Sequence[str]:
    """The cells under OTHERS."""
    fields = entry.fields
    where = (", ".join(fields["services"]) or "all", ", ".join(fields["regions"]) or "all")
    return (_time(entry.start_us), _time(entry.end_us), fields["owner"], fields["title"], fields["category"].replace("_", " "), *where)


def _markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [_markdown_row(row) for row in rows]
    return [_markdown_row(header), "|" + "---|" * len(header), *lines] if lines else ["None."]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(_plain(cell).split()) for cell in cells) + " |"


def _plain(text: str) -> str:
    """Text without characters that have a meaning in Markdown or HTML."""
    for sign, instead in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("[", "\\["),
        ("*", "\\*"),
        ("`", "\\`"),
    ):
        text = text.replace(sign, instead)
    return text


def _time(at_us: int) -> str:
    return format_time(at_us)[:16].replace("T", " ")


def _published(entry: Entry, number: str) -> Change:
    """The entry as a change that contains only what is published."""
    shown = {"change_id": f"schedule-{number}", "source": "user", "visibility": "public_summary", **entry.fields}
    if "change_id" in entry.fields:
        shown["source"] = "dcc"
    return Change.model_validate({**shown, "planned_start": format_time(entry.start_us), "planned_end": format_time(entry.end_us)})
