"""Events are taken literally: what the contract allows passes, everything else names field and reason."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.canonical_json import to_json
from models.events import EVENT, QueueEvent, TrafficEvent
from models.wire_model import reason
from tests.models.builders import QUEUE, TRAFFIC, text


def fault(line: str) -> str:
    with pytest.raises(ValidationError) as caught:
        EVENT.validate_json(line)
    return reason(caught.value)


def test_what_is_left_out_has_the_defaults_of_the_contract() -> None:
    event = EVENT.validate_json(text(TRAFFIC))
    assert isinstance(event, TrafficEvent)
    assert (event.window_s, event.service, event.region, event.failures, event.codes) == (10, None, None, 0, None)
    queue = EVENT.validate_json(text(QUEUE))
    assert isinstance(queue, QueueEvent)
    assert (queue.window_s, queue.oldest_age_s, queue.capacity, queue.enqueued, queue.delivered) == (10, None, None, None, None)


@pytest.mark.parametrize("absent", [None, "", ...])
@pytest.mark.parametrize("field", ["service", "region"])
def test_absent_null_and_empty_service_and_region_are_one_value(field: str, absent: Any) -> None:
    assert EVENT.validate_json(text(TRAFFIC, **{field: absent})) == EVENT.validate_json(text(TRAFFIC))


@pytest.mark.parametrize("field", ["kind", "observed_at", "user", "direction", "message_class", "messages"])
def test_a_traffic_event_without_a_required_field_is_malformed(field: str) -> None:
    result = fault(text(TRAFFIC, **{field: ...}))
    assert field in result
    assert "\n" not in result


@pytest.mark.parametrize("field", ["kind", "observed_at", "user", "queue", "depth"])
def test_a_queue_event_without_a_required_field_is_malformed(field: str) -> None:
    assert field in fault(text(QUEUE, **{field: ...}))


@pytest.mark.parametrize("value", ["5", 5.5, 1e300, True, None, -1, 10**12 + 1, 10**30, [5], {}])
def test_messages_are_a_whole_number_from_0_to_a_million_million(value: Any) -> None:
    assert fault(text(TRAFFIC, messages=value)).startswith("messages must be ")


@pytest.mark.parametrize("value", [0, 1, 10**12])
def test_the_limits_of_messages_are_good(value: int) -> None:
    event = EVENT.validate_json(text(TRAFFIC, messages=value))
    assert isinstance(event, TrafficEvent)
    assert event.messages == value


@pytest.mark.parametrize("value", [0, 3601, 10.5, "10", True, None])
def test_a_window_is_a_whole_number_of_1_to_3600_seconds(value: Any) -> None:
    assert fault(text(TRAFFIC, window_s=value)).startswith("window_s must be ")


@pytest.mark.parametrize("field", ["window_s", "messages", "failures", "codes"])
@pytest.mark.parametrize("written", ["5.0", "5e0", "0.5e1", "50E-1"])
def test_a_whole_number_may_be_written_with_a_fraction_or_an_exponent(field: str, written: str) -> None:
    def line(number: str) -> str:
        marked: Any = {"E20": "?"} if field == "codes" else "?"
        return text(TRAFFIC, **({"messages": 5} | {field: marked})).replace('"?"', number)

    read = EVENT.validate_json(line(written))
    assert read == EVENT.validate_json(line("5"))
    assert "5.0" not in read.model_dump_json(), "it is an integer from then on"


@pytest.mark.parametrize("field", ["window_s", "depth", "capacity", "enqueued", "delivered"])
def test_so_may_the_figures_of_a_queue(field: str) -> None:
    read = EVENT.validate_json(text(QUEUE, **{field: 5.0}))
    assert read == EVENT.validate_json(text(QUEUE, **{field: 5}))
    assert "5.0" not in read.model_dump_json()


def test_more_failures_than_messages_are_malformed() -> None:
    assert fault(text(TRAFFIC, failures=6)) == "failures: 6 of 5 messages can't have failed"
    EVENT.validate_json(text(TRAFFIC, failures=5))


@pytest.mark.parametrize("codes", [{"E20": -1}, {"E20": "3"}, {"E20": 1.5}, {"E20": True}, {"E20": None}, [], "E20"])
def test_codes_map_to_whole_numbers(codes: Any) -> None:
    assert fault(text(TRAFFIC, codes=codes)).startswith("codes")


def test_no_code_counts_more_than_all_messages() -> None:
    assert "can't have code 'E20'" in fault(text(TRAFFIC, messages=3, codes={"E20": 4}))


@pytest.mark.parametrize("field", ["depth", "capacity", "enqueued", "delivered", "oldest_age_s"])
def test_no_number_exceeds_two_to_the_53(field: str) -> None:
    assert fault(text(QUEUE, **{field: 2**53 + 2})).startswith(field)


@pytest.mark.parametrize("user", ["", "a b", "a" * 65, "Ä", "a\n", "a/b", 5, None])
def test_a_user_is_an_id(user: Any) -> None:
    assert fault(text(TRAFFIC, user=user)).startswith("user must ")


@pytest.mark.parametrize("user", ["a", "A-Z_0.9", "a" * 64, "..."])
def test_good_user_ids(user: str) -> None:
    assert EVENT.validate_json(text(TRAFFIC, user=user)).user == user


@pytest.mark.parametrize(
    "moment",
    ["2026-01-05T00:10:00", "2026-01-05", "2026-01-05T00:10Z", "2026-13-05T00:10:00Z", "2026-01-05T24:00:00Z", 1767571800, None, "", "now"],
)
def test_a_time_without_offset_or_form_is_an_error(moment: Any) -> None:
    assert fault(text(TRAFFIC, observed_at=moment)).startswith("observed_at: ")


def test_any_offset_is_converted_to_utc() -> None:
    here, there = (EVENT.validate_json(text(TRAFFIC, observed_at=at)) for at in ("2026-01-05T00:10:00Z", "2026-01-05T01:10:00.000+01:00"))
    assert here == there


@pytest.mark.parametrize("kind", ["Traffic", 5, None, [], ""])
def test_an_unknown_kind_is_named(kind: Any) -> None:
    assert "kind" in fault(text(TRAFFIC, kind=kind))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, True, "1"])
def test_an_age_is_a_finite_number_from_0(value: Any) -> None:
    assert fault(text(QUEUE, oldest_age_s=value)).startswith("oldest_age_s must be ")


@pytest.mark.parametrize(
    ("field", "value"), [("capacity", 0), ("depth", -1), ("depth", 7.5), ("enqueued", "1"), ("delivered", 2**63), ("queue", "")]
)
def test_queue_figures_have_their_ranges(field: str, value: Any) -> None:
    assert fault(text(QUEUE, **{field: value})).startswith(f"{field} must ")


@pytest.mark.parametrize("line", ["", "{", "[]", "5", "null", '"x"', '{"kind":"traffic"', "\x00", "{} {}"])
def test_what_is_no_object_is_reported_in_one_line(line: str) -> None:
    assert "\n" not in fault(line)


def test_unknown_fields_are_ignored() -> None:
    assert EVENT.validate_json(text(TRAFFIC, colour="blue")) == EVENT.validate_json(text(TRAFFIC))


def test_a_faulty_line_with_many_faults_stays_short() -> None:
    assert fault(text(TRAFFIC, user=5, direction="x" * 500, message_class=1, messages="5", window_s=0)).endswith("and 2 more")


COUNTS = st.integers(0, 10**12)
NAMES = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    messages=COUNTS,
    failed=st.floats(0, 1),
    service=NAMES,
    region=st.one_of(st.none(), NAMES),
    codes=st.one_of(st.none(), st.dictionaries(NAMES, COUNTS, max_size=3)),
    window_s=st.integers(1, 3600),
)
@settings(max_examples=100, deadline=None)
def test_an_event_survives_the_wire(messages: int, failed: float, service: str, region: str | None, codes: Any, window_s: int) -> None:
    line = text(
        TRAFFIC,
        messages=messages,
        failures=int(messages * failed),
        service=service,
        region=region,
        codes=codes and {code: min(count, messages) for code, count in codes.items()},
        window_s=window_s,
    )
    event = EVENT.validate_json(line)
    assert EVENT.validate_json(to_json(event)) == event
    assert to_json(EVENT.validate_json(to_json(event))) == to_json(event)


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(TRAFFIC | QUEUE | {"codes": 0, "capacity": 0, "service": 0})), value=JUNK)
@example(field="codes", value={"\n": None})
@example(field="codes", value={"": None})
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_field_is_taken_or_reported_in_one_plain_line(field: str, value: Any) -> None:
    for record in (TRAFFIC, QUEUE):
        try:
            event = EVENT.validate_json(text(record, **{field: value}))
        except ValidationError as result:
            line = reason(result)
            assert line
            assert "\n" not in line
            assert "pydantic" not in line.lower()
        else:
            assert EVENT.validate_json(to_json(event)) == event
