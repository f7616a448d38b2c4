"""The contract's vocabulary: the allowed values of the fields of events, changes and alerts."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from models.rounding import round_significant

Direction = Literal["to_dsp", "to_user"]
MessageClass = Literal[
    "service_request", "signed_pre_command", "acknowledgement", "pre_command", "command", "service_response", "device_alert", "dcc_alert"
]
ChangeSource = Literal["dcc", "user", "service_provider"]
ChangeCategory = Literal[
    "planned_maintenance",
    "internal_system",
    "release",
    "firmware",
    "network",
    "firewall",
    "meter_data_management",
    "tariff",
    "schedule",
    "migration",
    "bcdr_test",
    "emergency",
    "other",
]
ChangeStatus = Literal["draft", "declared", "confirmed", "in_progress", "extended", "completed", "cancelled", "rolled_back"]
Disruption = Literal["none", "risk", "outage"]
Visibility = Literal["dcc_only", "public_summary"]
AlertKind = Literal["storm", "backlog", "silence", "drop", "failures", "drift", "stale"]
Status = Literal["open", "updated", "resolved"]
Phase = Literal["growing", "holding", "recovering", "tail"]
Severity = Literal["info", "warning", "critical"]
Basis = Literal["declared", "undeclared", "other_party"]
SuspectVerdict = Literal["probable", "possible", "coincident", "excluded"]
EnvelopePosition = Literal["none", "within", "beyond"]
ReportVerdict = Literal["no_impact", "as_expected", "impact", "absent", "inconclusive"]

ALERT_CLASSES: frozenset[str] = frozenset({"device_alert", "dcc_alert"})
"""Message classes that carry alerts of devices and of the DCC."""
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""Mildest first."""
SUSPECTED: tuple[SuspectVerdict, ...] = ("probable", "possible")
"""Verdicts that name a suspect."""

GREATEST = 2**53
"""The greatest number that an input may hold: a float64 represents every whole number up to it exactly."""

UserId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""A DCC User ID; a Party may hold several."""
Text = Annotated[str, StringConstraints(min_length=1)]


def _whole(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


AsWhole = BeforeValidator(_whole)
"""A whole number, however it is written: for JSON Schema `5.0` and `5e0` are integers, too."""
Count = Annotated[int, Field(ge=0, le=GREATEST), AsWhole]
Revision = Annotated[int, Field(ge=1, le=GREATEST), AsWhole]
Category = Annotated[int, Field(ge=1, le=5)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), AfterValidator(round_significant)]
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(round_significant)]
"""A measure that is already rounded as it is written, so that the value that decides and the value in the output can't differ."""


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | set | frozenset) else value


def _sorted_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) < 2 else tuple(sorted(set(names)))


def _empty_is_absent(value: Any) -> Any:
    return None if value == "" else value


def _sorted_counts(counts: dict[str, int] | None) -> dict[str, int] | None:
    return None if counts is None else dict(sorted(counts.items()))


AsTuple = BeforeValidator(_tuple)
"""A JSON list for a field that is a tuple in the model."""
Sorted = AfterValidator(_sorted_names)
"""Each name once, sorted."""
Names = Annotated[tuple[Text, ...], AsTuple, Sorted]
"""A list of names: each once, sorted."""
TextOrNone = Annotated[str | None, BeforeValidator(_empty_is_absent)]
"""Text that is None when it is absent, null or empty."""
Codes = Annotated[dict[str, Count] | None, AfterValidator(_sorted_counts)]
"""Response code → count, by code."""
