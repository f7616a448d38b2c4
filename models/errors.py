"""Every error that Highwater raises on purpose; each message says what to do.

HighwaterError                 exit code 2, one line on stderr
├── UnreadableInput            a file, a stream or a body that can't be read at all
├── Malformed                  one event, change or record that breaks the contract; its neighbours go on
├── ConfigurationError         a key or a value that the settings do not know
└── StateError                 packed state of another version, or damaged
"""


class HighwaterError(Exception):
    """What a caller may catch to handle every fault that Highwater names itself."""


class UnreadableInput(HighwaterError):
    """Input that can't be read at all: a missing file, a broken `.gz`, no permission."""


class Malformed(HighwaterError):
    """One event, change or record that breaks the contract."""


class ConfigurationError(HighwaterError):
    """Settings that can't be used: an unknown key, a value out of range."""


class StateError(HighwaterError):
    """Packed state that this version can't go on from."""
