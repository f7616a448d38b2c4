"""Every error that Highwater raises on purpose; each message states what to do.

HighwaterError                 exit code 2, one line on stderr
├── UnreadableInput            a file, a stream or a body that can't be read at all
├── Malformed                  one event, change or record that breaks the contract; the others are processed
├── ConfigurationError         a key or a value that is not a valid setting
└── StateError                 packed state of another version, or damaged
"""


class HighwaterError(Exception):
    """Base class: a caller that catches it handles every error that Highwater defines."""


class UnreadableInput(HighwaterError):
    """Input that can't be read at all: a missing file, a broken `.gz`, no permission."""


class Malformed(HighwaterError):
    """One event, change or record that breaks the contract."""


class ConfigurationError(HighwaterError):
    """Settings that can't be used: an unknown key, a value out of range."""


class StateError(HighwaterError):
    """Packed state from which this version can't continue."""
