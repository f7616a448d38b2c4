"""Workbook size: how much a workbook grows when it is opened; one that would fill the memory is refused before that.

A workbook is a zip of XML. Three things grow: the XML itself, the rectangle of cells that spans the outermost ones, and texts that are
stored once and shown in many cells.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from xml.parsers import expat

from changes.files.source_row import Source
from models.errors import UnreadableInput

UNPACKED_BYTES_MAX = 256 * 1024 * 1024
CELLS_MAX = 20_000_000
TEXT_BYTES_MAX = 512 * 1024 * 1024
TEXT_CHARS_MAX = 32_767
"""The maximum that a spreadsheet program accepts in one cell."""

_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,4})(\d{1,10})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br\s*=\s*["'](\d{1,10})["']""")
_UNNAMED = re.compile(rb"<(?:\w+:)?c[\s/>]")
_SHARED_CELL = re.compile(rb"""<(?:\w+:)?c\b[^>]*?\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>\s*(\d{1,10})""")
_SHARED_TEXT = re.compile(rb"<(?:\w+:)?si[\s>].*?</(?:\w+:)?si>", re.DOTALL)


def refuse_bombs(source: Source) -> None:
    """Raises UnreadableInput for a file that is not a workbook, or that would grow beyond the limits."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.content)) as packed:
            _check(source.name, packed)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as fault:
        raise UnreadableInput(f"{source.name} is not an XLSX workbook: {fault}") from None


def _check(name: str, packed: zipfile.ZipFile) -> None:
    size = sum(entry.file_size for entry in packed.infolist())
    if size > UNPACKED_BYTES_MAX:
        raise UnreadableInput(f"{name} unpacks to {size} bytes, at most {UNPACKED_BYTES_MAX} are read")
    lengths = [len(text) for part in _parts(packed, "sharedstrings") for text in _SHARED_TEXT.findall(part)]
    if max(lengths, default=0) > 8 * TEXT_CHARS_MAX:
        raise UnreadableInput(f"{name} holds a text of {max(lengths)} bytes, more than a cell can show")
    for sheet in _parts(packed, "/worksheets/"):
        _check_xml(name, sheet)
        cells = _rectangle(sheet)
        if cells > CELLS_MAX:
            raise UnreadableInput(f"{name} spans {cells} cells, at most {CELLS_MAX} are read: delete cells far from the table")
        shown = (int(index) for index in _SHARED_CELL.findall(sheet))
        text = sum(lengths[index] for index in shown if index < len(lengths))
        if text > TEXT_BYTES_MAX:
            raise UnreadableInput(f"{name} shows {text} bytes of text, at most {TEXT_BYTES_MAX} are read")


def _check_xml(name: str, sheet: bytes) -> None:
    """A lenient reader passes over everything behind a broken tag, and rows would be lost without a word."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(sheet, True)  # noqa: FBT003 - the library's own signature
    except expat.ExpatError as fault:
        raise UnreadableInput(f"{name} is damaged: a sheet is no well-formed XML ({fault}); save it again") from None


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a sheet declares a document type")


def _rectangle(sheet: bytes) -> int:
    """Upper bound of the cells between the first and the outermost of a sheet."""
    rows = [int(number) for number in _ROW.findall(sheet)]
    columns = 0
    for letters, number in set(_CELL.findall(sheet)):
        rows.append(int(number))
        columns = max(columns, _column(letters))
    # Cells without a reference are next to each other: they span no more cells than their number.
    return max(max(rows, default=0) * columns, len(_UNNAMED.findall(sheet)))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _parts(packed: zipfile.ZipFile, wanted: str) -> Iterator[bytes]:
    for entry in packed.infolist():
        if wanted in f"/{entry.filename}".lower():
            yield packed.read(entry)
