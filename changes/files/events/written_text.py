"""Text of an iCalendar property as we write it."""

import re

from icalendar import vText

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Not allowed in a text: one of them makes strict programs refuse the whole calendar."""
_LINE_ENDS = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
"""Some programs end a line at any of them, so that a title could end its own event."""


class WrittenText(vText):
    r"""A text that stays in its property, without control characters. The library would write the two characters `\N` as a line break."""

    def to_ical(self) -> bytes:
        """The text with the escapes of RFC 5545, 3.3.11."""
        text = _CONTROL.sub("", _LINE_ENDS.sub("\n", str(self))).replace("\\", "\\\\").replace("\n", "\\n")
        return text.replace(";", "\\;").replace(",", "\\,").encode()
