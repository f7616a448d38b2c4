"""Damage: a calendar of sound events in each format, one of which is damaged at random, and what the reader makes of the others."""

import json
import random
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from changes.files.field_mapping import read_mapping
from changes.files.merge import same_content
from changes.files.reader import ReadOptions, read_changes
from changes.files.writer import writer_of
from models.canonical_json import to_json
from models.change import Change
from models.errors import UnreadableInput
from tests.changes.builders import change, workbook

EVENTS = 6
LONGEST_S = 1.0
_SIGNS = rb""" " ' , ; : \\ { } [ ] = < & """.split()
_ODD = (
    *_SIGNS, b"\n", b"\r", b"\r\n", b"\r\n ", b"\t", b"\x00", b"\xff", b"\xe2\x82", b"BEGIN:VEVENT", b"END:VEVENT", b"END:VCALENDAR",
    b"BEGIN:VALARM", b"RRULE:FREQ=SECONDLY\r\n", b"9" * 400, b"TZID=", b"NaN", b"1e999",
)  # fmt: skip
_SERVICENOW = Path(__file__).parents[3] / "docs" / "calendars" / "servicenow.toml"


@dataclass(frozen=True)
class Sound:
    """A calendar without a fault: its bytes in pieces, of which some are one event each."""

    suffix: str
    pieces: tuple[bytes, ...]
    events: tuple[int, ...]
    """Places of the pieces that hold an event."""
    options: ReadOptions | None = None

    def joined(self, replaced: Mapping[int, bytes] | None = None) -> bytes:
        content = b"".join((replaced or {}).get(index, piece) for index, piece in enumerate(self.pieces))
        return _zipped(content) if self.suffix == ".xlsx" else content


def _changes() -> list[Change]:
    at = [f"2026-02-{day:02d}T22:00:00Z" for day in range(1, EVENTS + 1)]
    until = [f"2026-02-{day:02d}T23:30:00Z" for day in range(1, EVENTS + 1)]
    return [
        change(
            f"CHG-{number}", "SUP-01", title=f"Work {number}, part one", planned_start=start, planned_end=end, services=["4.10", "8.1.1"],
            description='It says "no harm"; see notes\nbelow', updated_at="2026-01-20T08:00:00Z", contact="Desk",
        )
        for number, (start, end) in enumerate(zip(at, until, strict=True))
    ]  # fmt: skip


def _split(content: bytes, starts: Sequence[int]) -> tuple[bytes, ...]:
    edges = [0, *starts, len(content)]
    return tuple(content[low:high] for low, high in pairwise(edges))


def _positions(content: bytes, mark: bytes) -> list[int]:
    indices, at = [], content.find(mark)
    while at >= 0:
        indices.append(at)
        at = content.find(mark, at + 1)
    return indices


def _ics() -> Sound:
    content = writer_of(".ics")(_changes())
    starts = _positions(content, b"BEGIN:VEVENT")
    last = content.rindex(b"END:VCALENDAR")
    return Sound(".ics", _split(content, [*starts, last]), tuple(range(1, EVENTS + 1)))


def _csv() -> Sound:
    content = writer_of(".csv")(_changes())
    return Sound(".csv", _split(content, _positions(content, b"CHG-")), tuple(range(1, EVENTS + 1)))


def _ndjson() -> Sound:
    content = writer_of(".ndjson")(_changes())
    starts = [at + 1 for at in _positions(content, b"\n")][: EVENTS - 1]
    return Sound(".ndjson", _split(content, starts), tuple(range(EVENTS)))


def _json() -> Sound:
    content = writer_of(".json")(_changes())
    return Sound(".json", _split(content, _positions(content, b'{"change_id"')), tuple(range(1, EVENTS + 1)))


def _servicenow() -> Sound:
    head = b"number,short_description,start_date,end_date,state,assignment_group,cmdb_ci,requested_by,sys_updated_on,type\r\n"
    rows = [
        f'CHG00{day},"Work {day}, part one",2026-02-0{day} 22:00:00,2026-02-0{day} 23:30:00,Scheduled,Network,edge-{day},SUP-01,'
        "2026-01-20 08:00:00,Normal\r\n"
        for day in range(1, EVENTS + 1)
    ]
    options = ReadOptions(read_mapping(_SERVICENOW), "SUP-01", "Europe/London")
    return Sound(".csv", (head, *(row.encode() for row in rows)), tuple(range(1, EVENTS + 1)), options)


_SHEET = "xl/worksheets/sheet1.xml"
_workbook: dict[str, bytes] = {}


def _xlsx() -> Sound:
    names = ("change_id", "owner", "title", "planned_start", "planned_end", "contact")
    rows = [[json.loads(to_json(one))[name] for name in names] for one in _changes()]
    with zipfile.ZipFile(BytesIO(workbook([names, *rows]))) as book:
        _workbook.update({name: book.read(name) for name in book.namelist()})
    content = _workbook[_SHEET]
    starts = _positions(content, b"<row")
    return Sound(".xlsx", _split(content, [*starts[1:], content.index(b"</sheetData>")]), tuple(range(1, EVENTS + 1)))


def _zipped(sheet: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name, content in _workbook.items():
            book.writestr(name, sheet if name == _SHEET else content)
    return out.getvalue()


FORMATS: dict[str, Callable[[], Sound]] = {
    "ics": _ics, "csv": _csv, "ndjson": _ndjson, "json": _json, "xlsx": _xlsx, "servicenow csv": _servicenow,
}  # fmt: skip


def damaged(piece: bytes, dice: random.Random) -> bytes:
    """One event with damage of one kind: bytes, lines or cells."""
    return dice.choice((_bytes, _bytes, _lines, _cells))(piece, dice)


def _bytes(piece: bytes, dice: random.Random) -> bytes:
    low = dice.randrange(len(piece) + 1)
    high = min(len(piece), low + dice.choice((0, 0, 1, 1, 2, 5, 40)))
    return piece[:low] + dice.choice((b"", dice.choice(_ODD), bytes([dice.randrange(256)]))) + piece[high:]


def _lines(piece: bytes, dice: random.Random) -> bytes:
    lines = piece.splitlines(keepends=True)
    index = dice.randrange(len(lines))
    what = dice.randrange(4)
    if what == 0:
        del lines[index]
    elif what == 1:
        lines.insert(index, lines[dice.randrange(len(lines))])
    elif what == 2:
        dice.shuffle(lines)
    else:
        lines[index] = lines[index].rstrip(b"\r\n")
    return b"".join(lines)


def _cells(piece: bytes, dice: random.Random) -> bytes:
    sign = dice.choice((b",", b":", b";", b"><", b'","'))
    cells = piece.split(sign)
    index = dice.randrange(len(cells))
    if len(cells) > 2 and dice.random() < 0.5:
        cells[index], cells[index - 1] = cells[index - 1], cells[index]
    else:
        cells[index] = dice.choice((b"", dice.choice(_ODD), b"TBC", b"2026-02-30T25:61:00Z", cells[index] * 3))
    return sign.join(cells)


@dataclass(frozen=True)
class Finding:
    """What went wrong, and with which bytes."""

    what: str
    content: bytes


def judged(sound: Sound, damage: bytes, index: int, path: Path, expected: Mapping[str, Change]) -> Finding | None:
    """None if the reader neither fails nor hangs, and every other event is as it was or missed aloud."""
    content = sound.joined({index: damage})
    path.write_bytes(content)
    began_s = time.process_time()
    try:
        changes, rejections = read_changes(path, sound.options)
    except UnreadableInput:
        return None
    except Exception as fault:  # whatever it is, it is what this looks for
        return Finding(f"raised {fault!r}", content)
    if time.process_time() - began_s > LONGEST_S:
        return Finding("took more than a second", content)
    others = set(expected) - _hurt(expected, sound, index, damage)
    read: dict[str, list[Change]] = {}
    for one in changes:
        read.setdefault(one.change_id, []).append(one)
    for name in others:
        if name not in read and not rejections:
            return Finding(f"{name} was lost without a word", content)
        if name in read and not any(same_content(expected[name], one) for one in read[name]):
            return Finding(f"{name} was changed without a word: {read[name]}", content)
    return None


def _hurt(expected: Mapping[str, Change], sound: Sound, index: int, damage: bytes) -> set[str]:
    """The damaged event; in a table also the one below it, where the end of the row is gone and its first cell begins with what is left."""
    number = sound.events.index(index)
    ends = damage.endswith(b"</row>" if sound.suffix == ".xlsx" else b"\n")
    return set(list(expected)[number : number + (1 if ends or sound.suffix not in (".csv", ".xlsx") else 2)])


def campaign(kind: str, count: int, seed: int, folder: Path) -> list[Finding]:
    """`count` times one damage to one event of a sound calendar."""
    sound, dice = FORMATS[kind](), random.Random(seed)
    path = folder / f"calendar{sound.suffix}"
    path.write_bytes(sound.joined())
    changes, rejections = read_changes(path, sound.options)
    assert (len(changes), rejections) == (EVENTS, []), rejections
    expected = {one.change_id: one for one in changes}
    listed: list[Finding] = []
    for _ in range(count):
        index = dice.choice(sound.events)
        fault = judged(sound, damaged(sound.pieces[index], dice), index, path, expected)
        if fault is not None:
            listed.append(fault)
    return listed
