"""Phrases: figures, times, spans and names in a form that is quick to read."""

from collections.abc import Sequence
from functools import lru_cache

from models.columns import SeriesKey
from models.rounding import round_significant
from models.times import DAY_US, instant

CLASSES = {
    "service_request": "service requests",
    "signed_pre_command": "signed pre-commands",
    "acknowledgement": "acknowledgements",
    "pre_command": "pre-commands",
    "command": "commands",
    "service_response": "service responses",
    "device_alert": "device alerts",
    "dcc_alert": "DCC alerts",
}
PROCESS_WORDS = {
    "install_and_commission": "install & commission",
    "network_operation": "network operation",
    "change_of_supplier": "change of supplier",
    "customer": "customer service",
}


def figure(value: float) -> str:
    """`1,500,000`, `412`, `5.6`; four significant digits."""
    rounded = round_significant(value)
    return f"{round(rounded):,}" if abs(rounded) >= 100 or float(rounded).is_integer() else f"{rounded:.3g}"


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    seconds = round(abs(seconds))
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def window(seconds: int) -> str:
    """The unit of figures: `a minute`, `in 10 s`."""
    return {60: "a minute", 3600: "an hour", 1: "a second"}.get(seconds, f"in {span(seconds)}")


def clock(at_us: int, now_us: int) -> str:
    """`02:10 UTC`, with the day if it is not today."""
    return _clock(at_us, today=at_us // DAY_US == now_us // DAY_US)


@lru_cache(maxsize=4096)
def _clock(at_us: int, *, today: bool) -> str:
    at = instant(at_us)
    return f"{at:%H:%M} UTC" if today else f"{at.day} {at:%b %H:%M} UTC"


def period(start_us: int, end_us: int, now_us: int) -> str:
    """`02:00–04:00 UTC`."""
    start = clock(start_us, now_us)
    if start_us // DAY_US == end_us // DAY_US:
        return f"{start.removesuffix(' UTC')}–{instant(end_us):%H:%M} UTC"
    return f"{start} to {clock(end_us, now_us)}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b, c and 9 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))


def traffic(keys: Sequence[SeriesKey]) -> str:
    """The traffic of series by their common fields: `service requests 8.1.1 in north`, `messages to the User`."""
    shared = {name: values.pop() for name in SeriesKey._fields if len(values := {getattr(key, name) for key in keys}) == 1}
    words = CLASSES.get(shared.get("message_class", ""))
    if words is None:
        words = {"to_dsp": "messages to the DSP", "to_user": "messages to the User"}.get(shared.get("direction", ""), "messages")
    service = f" {shared['service']}" if shared.get("service") else ""
    region = f" in {shared['region']}" if shared.get("region") else ""
    return f"{words}{service}{region}"


def process_names(names: Sequence[str]) -> str:
    """`billing and install & commission`."""
    return listed([PROCESS_WORDS.get(name, name) for name in names])
