"""What is written is canonical: the contract's order, null kept, integers bare, four digits, `Z`."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alert import Alert, AlertSeries
from models.canonical_json import decode, to_json
from models.change import Change
from models.change_report import ChangeReport
from models.columns import SeriesKey
from models.dead_letter import DeadLetter
from models.errors import Malformed
from models.incident import Incident
from models.times import format_time
from tests.models.builders import ALERT, CHANGE, text

ALERT_FIELDS = [
    "alert_id",
    "revision",
    "as_of",
    "status",
    "incident_id",
    "kind",
    "user",
    "series",
    "onset_at",
    "detected_at",
    "ended_at",
    "resolved_at",
    "severity",
    "category",
    "category_reason",
    "observed",
    "expected",
    "score",
    "evidence",
    "processes",
    "suspects",
    "envelope",
    "affected_users",
    "threatened_changes",
    "next_step",
    "contact",
    "summary",
]
INCIDENT_FIELDS = [
    "incident_id",
    "revision",
    "as_of",
    "status",
    "phase",
    "severity",
    "opened_at",
    "ended_at",
    "resolved_at",
    "kinds",
    "origin_user",
    "region",
    "depth",
    "peak_depth",
    "missing",
    "affected_users",
    "could_be_affected",
    "next_step",
    "contact",
    "alert_ids",
    "suspects",
    "threatened_changes",
    "processes",
    "category",
    "category_reason",
    "summary",
    "timeline",
    "similar",
]
REPORT_FIELDS = [
    "change_id",
    "revision",
    "verdict",
    "score",
    "effects",
    "overran_s",
    "started_early_s",
    "declared_late_s",
    "alert_ids",
    "incident_ids",
    "contested",
    "summary",
    "owner",
]


def alert(**changed: Any) -> Alert:
    return decode(Alert, text(ALERT, **changed))


def test_fields_stand_in_the_order_of_the_contract() -> None:
    assert list(json.loads(to_json(alert()))) == ALERT_FIELDS
    assert list(Incident.model_fields) == INCIDENT_FIELDS
    assert [name for name in ChangeReport.model_fields if name != "as_of"] == REPORT_FIELDS
    assert list(DeadLetter.model_fields) == ["source", "position", "reason", "raw", "rejected_at"]
    columns = (
        "change_id revision owner source category title description status planned_start planned_end actual_start actual_end declared_at "
        "updated_at users services regions directions queues systems disruption return_to_normal_risk expected "
        "impact_assessment consultation testing_opportunity security_assessment visibility contact"
    )
    assert list(json.loads(to_json(decode(Change, text(CHANGE))))) == columns.split()


def test_it_is_compact_utf8_with_null_kept_and_absent_evidence_left_out() -> None:
    line = to_json(alert(summary="Größer – 3×", user=None, evidence={"depth": 5, "ratio": None}))
    assert b'"user":null' in line
    assert b'"evidence":{"depth":5}' in line
    assert b'"resolved_at":null,"severity"' in line
    assert "Größer – 3×".encode() in line
    assert b": " not in line.replace(b"Gr", b"")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (1234567, "1235000"),
        (0.00012344999, "0.0001234"),
        (2.0, "2"),
        (1.2345, "1.234"),
        (1.2355, "1.236"),
        (-0.0, "0"),
        (1e15, "1000000000000000"),
    ],
)
def test_numbers_have_four_significant_digits(given: float, written: str) -> None:
    assert f'"observed":{written},'.encode() in to_json(alert(observed=given))


def test_what_is_rounded_on_the_wire_is_rounded_before_anything_is_decided() -> None:
    assert alert(observed=1234567) == alert(observed=1235111)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "5", True])
def test_a_measure_is_a_finite_number(value: Any) -> None:
    with pytest.raises(Malformed, match=r"^score"):
        alert(score=value)


def test_times_have_z_and_milliseconds_only_if_not_zero() -> None:
    line = to_json(alert(as_of="2026-01-05T01:10:00.0004+01:00", onset_at="2026-01-05T00:05:00.25Z"))
    assert b'"as_of":"2026-01-05T00:10:00Z"' in line
    assert b'"onset_at":"2026-01-05T00:05:00.250Z"' in line


def test_lists_of_names_are_sorted_and_suspects_keep_their_order() -> None:
    suspects = [
        {"change_id": None, "owner": name, "basis": "undeclared", "verdict": "possible", "score": 0.5, "reasons": []} for name in ("b", "a")
    ]
    shown = json.loads(to_json(alert(affected_users=["b", "a"], processes=["prepayment", "billing"], suspects=suspects)))
    assert shown["affected_users"] == ["a", "b"]
    assert shown["processes"] == ["billing", "prepayment"]
    assert [suspect["owner"] for suspect in shown["suspects"]] == ["b", "a"]


def test_a_series_shows_what_all_its_keys_have_in_common() -> None:
    one = SeriesKey("SUP-01", "to_dsp", "command", "8.1.1", "north", "", 10)
    assert AlertSeries.common((one, one._replace(region="south"))) == AlertSeries(
        user="SUP-01", direction="to_dsp", message_class="command", service="8.1.1", window_s=10
    )
    assert json.loads(to_json(AlertSeries.common((one._replace(service=""),))))["service"] is None


def dead_letter(raw: bytes, rejected_at: str | None) -> DeadLetter:
    fields = {"source": "a.ndjson", "position": {"line": 3, "index": 0}, "reason": "messages is missing", "raw": raw}
    return DeadLetter.model_validate(fields | {"rejected_at": rejected_at})


def test_a_dead_letter_keeps_at_most_4_kib_of_the_original() -> None:
    letter = dead_letter("ä".encode() * 4000, None)
    assert len(letter.raw.encode()) == 4096
    assert json.loads(to_json(letter))["rejected_at"] is None
    broken = dead_letter(b'{"a":\xff\xfe' + b"x" * 5000, "1970-01-01T00:00:01Z")
    assert broken.raw.startswith('{"a":\ufffd\ufffdx')
    assert len(broken.raw.encode()) <= 4096
    assert decode(DeadLetter, to_json(broken)) == broken


def test_a_record_that_breaks_the_contract_is_reported_in_one_line() -> None:
    with pytest.raises(Malformed, match=r"^kind must be .*not 'x'$"):
        alert(kind="x")


INSTANTS = st.integers(0, 4_102_444_800_000).map(lambda millis: format_time(millis * 1000))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda value: abs(value) < 1e300)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
SUSPECTS = st.fixed_dictionaries(
    {
        "change_id": st.one_of(st.none(), TEXTS),
        "owner": st.one_of(st.none(), TEXTS),
        "basis": st.sampled_from(["declared", "undeclared", "other_party"]),
        "verdict": st.sampled_from(["probable", "possible", "coincident", "excluded"]),
        "score": st.floats(0, 1),
        "reasons": st.lists(st.fixed_dictionaries({"code": TEXTS, "text": TEXTS}), max_size=2),
    }
)


@given(
    onset=INSTANTS,
    observed=st.one_of(st.none(), NUMBERS),
    evidence=st.dictionaries(st.sampled_from(["ratio", "depth", "growth_per_s", "predicted_loss"]), st.one_of(st.none(), NUMBERS)),
    users=st.lists(TEXTS, max_size=3),
    suspects=st.lists(SUSPECTS, max_size=2),
    summary=st.text(st.characters(codec="utf-8"), max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_what_was_encoded_decodes_to_the_same_and_encodes_to_the_same(
    onset: str, observed: float | None, evidence: Any, users: Any, suspects: Any, summary: str
) -> None:
    made = alert(
        onset_at=onset,
        observed=observed,
        evidence=evidence,
        affected_users=users,
        suspects=suspects,
        summary=summary,
    )
    line = to_json(made)
    assert decode(Alert, line) == made
    assert to_json(decode(Alert, line)) == line
    assert not re.search(rb"[:,\[]-?\d+\.0[,}\]]", line.replace(json.dumps(summary, ensure_ascii=False).encode(), b""))
