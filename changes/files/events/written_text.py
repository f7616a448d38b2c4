"""Text of an iCalendar property as we write it."""

from icalendar import vText


class WrittenText(vText):
    r"""A text of which every character is read back: the library would write the two characters `\N` as a line break."""

    def to_ical(self) -> bytes:
        """The text with the escapes of RFC 5545, 3.3.11."""
        text = str(self).replace("\r\n", "\n").replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\n")
        return text.replace(";", "\\;").replace(",", "\\,").encode()
