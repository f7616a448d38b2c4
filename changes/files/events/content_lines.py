"""Content line: one property of an iCalendar stream (RFC 5545, 3.1), read so that a damaged line affects only itself.

Lines are unfolded as bytes, because a fold may be inside a character. Components and properties that are not read are left out; damage
inside a component is stored with it as its fault.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_FOLD = re.compile(rb"\r?\n[ \t]|\r[ \t]")
_NAME = re.compile(r"([A-Za-z0-9-]+)(?=[;:])")
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)')
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CARET = re.compile(r"\^[n^']")
"""What a parameter can't hold as it is (RFC 6868)."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One property: its name in capitals, its parameters, and its unchanged value."""

    name: str
    parameters: dict[str, str]
    value: str
    fault: str = ""
    """Why it is not reliable."""

    @property
    def text(self) -> str:
        """The value of a text property without its escapes."""
        return unescape(self.value)


@dataclass(slots=True)
class Component:
    """The content between BEGIN and END."""

    name: str
    lines: list[ContentLine] = field(default_factory=list)
    inner: list["Component"] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    fault: str = ""

    def named(self, name: str) -> list[ContentLine]:
        """Its properties of this name, in order."""
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> ContentLine | None:
        """Its first property of this name."""
        return next((line for line in self.lines if line.name == name), None)


def read_components(content: bytes) -> Iterator[Component]:
    """The calendars of a stream, each with its events and its other components, in order; a truncated event carries a fault.

    Events outside any VCALENDAR are in a calendar of their own.
    """
    reading = _Nesting()
    for line in _lines(content):
        verb, _, name = line[:60].upper().rstrip().partition(":")
        if verb == "BEGIN":
            yield from reading.begin(name.strip())
        elif verb == "END":
            yield from reading.end(name.strip())
        else:
            reading.add(line)
    yield from reading.close("the file ends")


class _Nesting:
    """The components that are open, the outermost first; a component that is not closed properly ends with the next one."""

    def __init__(self) -> None:
        self._calendar: Component | None = None
        self._open: list[Component] = []

    def begin(self, name: str) -> Iterator[Component]:
        if name == "VCALENDAR":
            yield from self.close("another calendar begins")
            self._calendar = Component(name)
            return
        if name == "VEVENT":
            self._cut_off("another event begins")
        made = Component(name)
        (self._open[-1] if self._open else self._within()).inner.append(made)
        self._open.append(made)

    def end(self, name: str) -> Iterator[Component]:
        if name == "VCALENDAR":
            yield from self.close("the calendar ends")
        elif any(one.name == name for one in self._open):
            while self._open.pop().name != name:
                pass
        elif name == "VEVENT":
            self._within().inner.append(Component(name, fault="END:VEVENT without its BEGIN:VEVENT"))

    def add(self, line: str) -> None:
        if self._open:
            self._open[0].raw.append(line)
        innermost = self._open[-1] if self._open else self._calendar
        if innermost is not None and (len(self._open) <= 1 or self._open[0].name == "VTIMEZONE"):
            parsed = parse_line(line)
            if parsed is not None:
                innermost.lines.append(parsed)

    def close(self, because: str) -> Iterator[Component]:
        self._cut_off(because)
        if self._calendar is not None:
            yield self._calendar
        self._calendar = None

    def _cut_off(self, because: str) -> None:
        for one in self._open:
            if one.name == "VEVENT":
                one.fault = f"{because} before its END:VEVENT"
        self._open = []

    def _within(self) -> Component:
        self._calendar = self._calendar or Component("VCALENDAR")
        return self._calendar


def parse_line(line: str) -> ContentLine | None:
    """The property in an unfolded line; None for a line without one, such as text that was not folded."""
    named = _NAME.match(line)
    if named is None:
        return None
    parameters: dict[str, str] = {}
    at, fault = named.end(), ""
    while match := _PARAMETER.match(line, at):
        name, value = match[1].upper(), match[2]
        if name in parameters:
            fault = f"{named[1].upper()} has the parameter {name} twice"
        parameters[name] = _CARET.sub(_meant, value.strip('"') if value.count('"') <= 2 else value)
        at = match.end()
    called = named[1].upper()
    if line[at : at + 1] != ":":
        return ContentLine(called, parameters, line[line.rfind(":") + 1 :], f"{called} has parameters that can't be read")
    value = line[at + 1 :]
    if "\ufffd" in value and not fault:
        fault = f"{called} contains bytes that are not UTF-8"
    return ContentLine(called, parameters, _CONTROL.sub("", value), fault)


def unescape(value: str) -> str:
    r"""Text without its escapes: `\n` is a line break, `\,` a comma."""
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def _meant(caret: re.Match[str]) -> str:
    return {"n": " ", "^": "^", "'": '"'}[caret[0][1]]


def _lines(content: bytes) -> Iterator[str]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    ending = b"\n" if b"\n" in content else b"\r"
    for line in _FOLD.sub(b"", content).split(ending):
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text.strip():
            yield text
