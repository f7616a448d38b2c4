"""Decoding agrees with the models, whatever stands in the input and however it is cut."""

import gc
import json
import math
import weakref
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.c_source import compiler
from models.columns import EventBatch
from models.errors import UnreadableInput
from models.events import EVENT, QueueEvent
from models.times import us
from streams import decode
from streams.decode import byte_buffer, decode_body, decode_ndjson, decode_records
from streams.decode.compiled import known_events
from streams.decode.compiled.library import SOURCE, library
from streams.decode.template_cache import TemplateCache, series_key
from tests.streams.written import line, lines, queue, traffic

GOOD_NUMBERS = ["0", "7", "12", "120", "4096", "99999999", "123456789", "1000000000000"]
BAD_NUMBERS = [
    *(
        "5.0",
        "1e3",
        "12.00",
        "1e-400",
        "5e0",
        "9007199254740993.0",
        "-0.0",
        "-1",
        "-0",
        "007",
        "00",
        "1000000000001",
        "9223372036854775807",
        "9223372036854775808",
        "9" * 40,
        "9" * 5000,
    ),
    *("true", "false", "null", '"5"', "NaN", "Infinity", "0x10", "1_000", "5 ", "", "[]", "{}", "[5]", "1.5", "0.1e1", ".5", "5.", "+5"),
]
TEXTS = [
    '"north"',
    '"N12"',
    '""',
    "null",
    '"4.8.1"',
    '"Ynys Môn"',
    '"\\u00e9"',
    '"a\\"b"',
    '"\\ud800"',
    '"tab\there"',
    "5",
    "[]",
    '"',
    '"},{"',
    '"]\\n["',
]
USERS = ['"SUP-01"', '"a.b_c-9"', '"' + "U" * 64 + '"', '"' + "U" * 65 + '"', '""', '"SUP 01"', '"Ü"', "null", "1", '"SUP-01\\n"']
TIMES = [
    *("2026-01-05T00:10:00Z", "2026-01-05T00:10:59Z", "2026-01-05T00:10:00.25Z", "2026-01-05T00:10:00.123456789Z", "2026-01-05t00:10:00z"),
    *("2026-01-05 00:10:00Z", "2026-01-05T00:10:00+01:00", "2026-01-05T02:10:00.5-05:30", "2024-02-29T23:59:59Z", "1969-12-31T23:59:59.9Z"),
    *(
        "2026-01-05T00:10:00",
        "2026-01-05T00:10:60Z",
        "2026-02-30T00:00:00Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05",
        "",
        "0000-01-01T00:00:00Z",
    ),
    *(
        "2026-01-05T00:10:00.Z",
        "2026-01-05T00:10:00.1234567890Z",
        "2026-01-05T00:10:0aZ",
        "2026-01-05T00:10:00+25:00",
        "2O26-01-05T00:10:00Z",
    ),
    *(
        "2026-01-05T00:10:00+0100",
        "2026-01-05T00:10Z",
        "0001-01-01T00:00:00+23:00",
        "２026-01-05T00:10:00Z",
        "2026-01-05T00:10:00,25Z",
        "2026-01-05T00:10:00Z ",
    ),
]
CODES = [
    '{"E20":3}',
    '{"E20":3,"E1":1}',
    "{}",
    "null",
    '{"E20":-1}',
    '{"E20":"3"}',
    '{"E20":1.0}',
    "[]",
    '{"E20":1,"E20":2}',
    '{},"messages":{}',
    '{"":0}',
]
UNKNOWN = [
    "5",
    "-1.5e3",
    '"x"',
    "null",
    '{"a":[1,2,{"b":"c"}]}',
    "[]",
    "NaN",
    "1.25",
    "01",
    '"\\q"',
    '{"a":1,"a":2}',
    "[" * 300 + "]" * 300,
]


@pytest.fixture(scope="module", autouse=True, params=["compiled", "numpy"])
def decoder(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways of decoding in columns are held against the models."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            for module in (byte_buffer, known_events):
                patch.setattr(module, "library", lambda: None)
        elif compiler() is None:
            pytest.skip("no C compiler on this machine: install gcc")
        elif library() is None:
            SOURCE.build()
            library.cache_clear()
        patch.setattr(decode, "_learned", TemplateCache())
        yield request.param


numbers = st.sampled_from(GOOD_NUMBERS * 6 + BAD_NUMBERS)
counts = st.integers(0, 2000).map(str) | numbers


def rare(good: Sequence[str], any_of: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([*good] * max(1, 5 * len(any_of) // len(good)) + [*any_of])


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """One event as text: mostly valid, in one of a few layouts, now and then with something odd in it."""
    times = rare(TIMES[:4], TIMES).map(json.dumps)
    if draw(st.booleans()):
        fields = {
            "kind": rare(['"traffic"'], ['"traffic "', "null", '"queue"']),
            "observed_at": times,
            "window_s": rare(["10", "60"], ["1", "3600", "3601", *BAD_NUMBERS]),
            "user": rare(USERS[:3], USERS),
            "direction": rare(['"to_dsp"', '"to_user"'], ['"to_nobody"', "null"]),
            "message_class": rare(['"command"', '"dcc_alert"'], ['"x"', "5"]),
            "service": rare(TEXTS[:2], TEXTS),
            "region": rare(TEXTS[:1], TEXTS),
            "messages": counts,
            "failures": rare(["0", "1"], [*GOOD_NUMBERS, *BAD_NUMBERS]),
            "codes": rare(CODES[:2], CODES),
        }
    else:
        fields = {
            "kind": rare(['"queue"'], ['"traffic"']),
            "observed_at": times,
            "user": rare(USERS[:3], USERS),
            "queue": rare(['"to_user"', '"failed"'], TEXTS),
            "depth": counts,
            "oldest_age_s": rare(
                ["0", "1.5", "310.25", "0.0", "12345678.1234567"], [*BAD_NUMBERS, "1e400", "-0.5", "-0.0", "123456789012345678", "00.5"]
            ),
            "capacity": rare(["1", "2000000"], BAD_NUMBERS),
            "enqueued": counts,
            "delivered": counts,
        }
    layout = draw(
        st.sampled_from(
            [tuple(fields), tuple(reversed(fields)), tuple(fields)[: -len(fields) // 3], (*fields, "host"), ("host", *fields, "messages")]
        )
    )
    fields["host"] = rare(UNKNOWN[:3], UNKNOWN)
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ":"), (" ,\t", " : ")]))
    text = "{" + comma.join(f'"{name}"{colon}{draw(fields.get(name, counts))}' for name in layout) + "}"
    encoded = text.encode("utf-8", "surrogatepass").replace(b"\n", b"")
    return draw(
        st.sampled_from(
            [encoded] * 20 + [encoded[:-1], encoded + b"}", b"\xff" + encoded, encoded.replace(b"S", b"\xc3"), b" " + encoded + b" "]
        )
    )


FILLING = [line(traffic(messages=count, codes={"E20": count})) for count in range(40)] + [line(queue(depth=count)) for count in range(40)]


def expected(text: bytes) -> tuple[object, ...] | None:
    """What the models make of one event; None if it is none."""
    try:
        event = EVENT.validate_json(text)
    except ValidationError:
        return None
    if isinstance(event, QueueEvent):
        rest = (event.depth, 0, event.oldest_age_s, event.capacity, event.enqueued, event.delivered, None)
    else:
        rest = (event.messages, event.failures, None, None, None, None, event.codes)
    return (series_key(event), us(event.observed_at), *rest)


def decoded(batch: EventBatch, number: int) -> tuple[object, ...]:
    def given_or_none(value: int) -> int | None:
        return None if value == -1 else value

    age = float(batch.oldest_age_s[number])
    codes = int(batch.codes[number])
    return (
        batch.keys[batch.key[number]],
        int(batch.observed_us[number]),
        int(batch.value[number]),
        int(batch.failures[number]),
        None if math.isnan(age) else age,
        *(given_or_none(int(column[number])) for column in (batch.capacity, batch.enqueued, batch.delivered)),
        None if codes == -1 else batch.code_sets[codes],
    )


def assert_agrees(batch: EventBatch, texts: Sequence[bytes]) -> None:
    """The batch holds just what the models make of the texts, in order, and refuses the others in their places."""
    events = [expected(text) for text in texts]
    good = [text.strip() for text, event in zip(texts, events, strict=True) if event is not None]
    before = list(accumulate((event is not None for event in events), initial=0))
    bad = [(text.strip(), order) for text, event, order in zip(texts, events, before, strict=False) if event is None]
    assert [decoded(batch, number) for number in range(len(batch))] == [event for event in events if event is not None]
    assert [batch.raw(number).strip() for number in range(len(batch))] == good
    assert [(rejection.raw.strip(), rejection.order) for rejection in batch.rejections] == bad
    assert len(set(batch.keys)) == len(batch.keys)
    assert all(isinstance(one, dict) for one in batch.code_sets)
    assert set(batch.key.tolist()) == set(range(len(batch.keys)))


ODD = {
    "observed_at": [json.dumps(time, ensure_ascii=False) for time in TIMES],
    "user": USERS,
    "service": TEXTS,
    "region": TEXTS,
    "queue": TEXTS,
    "codes": CODES,
    "host": UNKNOWN,
    "kind": ['"queue"', '"traffic"', '"x"', "null", "1"],
    "direction": ['"to_nobody"', "null", "5"],
    "message_class": ['"x"', "null"],
}
AGES = [
    "0",
    "1.5",
    "310.25",
    "0.0",
    "12345678.1234567",
    "1e400",
    "-0.5",
    "-0.0",
    "123456789012345678",
    "00.5",
    "1234567890.123456",
    "1:5",
    "1/5",
    "1.2.3",
]
TRAFFIC = line(traffic(codes={"E20": 1}) | {"host": "a", "load": 1.5})
QUEUE = line(queue(oldest_age_s=1.5, capacity=9, enqueued=1, delivered=2) | {"load": 7})


def spread(event: bytes, *, turned: bool) -> dict[str, str]:
    """The tokens of an event by field."""
    fields = [(name, json.dumps(value)) for name, value in json.loads(event).items()]
    return dict(reversed(fields) if turned else fields)


@pytest.mark.parametrize("event", [TRAFFIC, QUEUE])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("comma", "colon"), [(",", ":"), (", ", ": ")])
def test_each_odd_value_in_each_field_is_taken_or_refused_as_the_models_do(event: bytes, turned: bool, comma: str, colon: str) -> None:
    good = spread(event, turned=turned)
    odd = [
        (name, token)
        for name in good
        for token in ODD.get(name, []) + (BAD_NUMBERS + GOOD_NUMBERS + AGES if good[name][0].isdigit() else [])
    ]
    all_tokens = [good] * 70 + [good | {name: token} for name, token in odd]
    texts = ["{" + comma.join(f'"{name}"{colon}{token}' for name, token in tokens.items()) + "}" for tokens in all_tokens]
    texts += [text[:-1] + f'{comma}"{name}"{colon}{good[name]}' + "}" for text in texts[:1] for name in good]
    texts += [
        f" {texts[0]}",
        f"{texts[0]} ",
        f"{texts[0]},",
        f"x{texts[0]}",
        texts[0].replace('"user"', '"User"'),
        texts[0].replace(":", ";", 1),
    ]
    encoded = [text.encode().replace(b"\n", b"") for text in texts]
    encoded += [encoded[0].replace(b"SUP", raw) for raw in (b"S\xffP", b"S\xc3", b"\xed\xa0\x80", b"S\x00P", b"S\tP", b"S\x7fP")]
    encoded += [encoded[0].replace(b'"a"', b'"' + raw + b'"') for raw in (b"\xff", b"\xc3\xa9", b"\x01", b"\\n", b"\\x")]
    encoded += [encoded[0].replace(b"SUP-01", b"N" * length) for length in (64, 65, 500, 600, 5000)]
    encoded += [text[:-1] + b',"depth":7,"messages":7}' for text in encoded[:70]] + [
        text[:-1] + b',"depth":7,"messages":7}' for text in encoded[70:]
    ]
    assert_agrees(decode_ndjson(b"\n".join(encoded), "f", 1), encoded)
    assert_agrees(decode_records(encoded, "t", 0, range(len(encoded))), encoded)


@settings(max_examples=50, deadline=None)
@given(st.lists(written(), max_size=40), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_decode_to_what_the_models_say(texts: list[bytes], filled: bool, line_end: bytes) -> None:
    texts = (FILLING if filled else []) + texts
    batch = decode_ndjson(line_end.join([*texts, b""]), "f", 1)
    assert_agrees(batch, texts)
    assert [batch.position(number) for number in range(len(batch))] == [
        {"line": index + 1, "index": 0} for index, text in enumerate(texts) if expected(text) is not None
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(written(), max_size=30), st.booleans())
def test_records_decode_to_what_the_models_say(texts: list[bytes], filled: bool) -> None:
    texts = (FILLING if filled else []) + texts
    batch = decode_records(texts, "t", 3, range(100, 100 + len(texts)))
    assert_agrees(batch, texts)
    assert [rejection.position for rejection in batch.rejections] == [
        {"topic": "t", "partition": 3, "offset": 100 + index, "index": 0} for index, text in enumerate(texts) if expected(text) is None
    ]


def is_json(text: bytes) -> bool:
    try:
        EVENT.validate_json(text)
    except ValidationError as fault:
        return all(error["type"] != "json_invalid" for error in fault.errors())
    return True


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(written().filter(is_json), min_size=1, max_size=30), min_size=1, max_size=4), st.sampled_from([b",", b", ", b" ,\r"])
)
def test_frames_decode_to_what_the_models_say(frames: list[list[bytes]], comma: bytes) -> None:
    frames = [FILLING, *frames]
    written_frames = [b"[" + comma.join(frame) + b"]" for frame in frames]
    flat = [text for frame in frames for text in frame]
    assert_agrees(decode_ndjson(b"\n".join(written_frames), "f", 1), flat)
    assert_agrees(decode_records(written_frames, "t", 0, range(len(frames))), flat)
    assert_agrees(decode_records([b"\n".join(written_frames)], "t", 0, [0]), flat)
    batch = decode_body(b"[\n" + b",\n".join(flat) + b"\n]\n", "token")
    assert_agrees(batch, flat)
    assert [*map(batch.position, range(len(batch)))] == [{"index": index} for index, text in enumerate(flat) if expected(text) is not None]


@settings(max_examples=30, deadline=None)
@given(st.lists(written(), max_size=60), st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
@example([], 0, b"\x00")
def test_damage_anywhere_costs_one_line_and_no_crash(texts: list[bytes], at: int, damage: bytes) -> None:
    whole = b"\n".join(FILLING + texts)
    at %= len(whole)
    damaged = whole[:at] + damage + whole[at + len(damage) :]
    if b"\n" in damage or b"\n" in whole[at : at + len(damage)]:
        damaged = whole[:at] + damage.replace(b"\n", b"x") + whole[at:]
    assert_agrees(decode_ndjson(damaged, "f", 1), [text for text in damaged.split(b"\n") if text.strip()])


def test_what_was_learned_before_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines(*(traffic(user=f"U{number}", messages=number, service="s" * (number % 90)) for number in range(200)))
    batches = []
    for learned in (TemplateCache(), decode._learned):
        monkeypatch.setattr(decode, "_learned", learned)
        batches += [decode_ndjson(text, "f", 1), decode_ndjson(text, "f", 1)]
    rows = [[decoded(batch, number) for number in range(len(batch))] for batch in batches]
    assert rows[0] == rows[1] == rows[2] == rows[3]
    assert len(rows[0]) == 200


def test_events_of_a_known_form_are_read_by_the_library(decoder: str) -> None:
    events = [
        *(traffic(messages=number, codes={"E20": 0}) for number in range(30)),
        *(traffic(user=f"U{number}", observed_at="2026-01-05T00:10:00.25+00:00") for number in range(30)),
        *(queue(depth=number, oldest_age_s=1.5, capacity=7, enqueued=2, delivered=0) for number in range(30)),
    ]
    text = lines(*events)
    decode_ndjson(text, "f", 1)
    buffer = byte_buffer.ByteBuffer([text])
    ends = buffer.newlines()
    starts = np.concatenate([[byte_buffer.PADDING], ends[:-1] + 1])
    rows, left = known_events.read(buffer, starts, ends, decode._learned)
    assert (len(rows), len(left)) == ((90, 0) if decoder == "compiled" else (0, 90))
    assert_agrees(decode_ndjson(text, "f", 1), text.splitlines())


def test_codes_of_null_are_no_code_set_among_events_with_codes(decoder: str) -> None:
    events = [traffic(messages=number) | {"codes": {"E20": 0} if number % 20 else None} for number in range(60)]
    for _ in range(2):
        assert_agrees(decode_ndjson(lines(*events), "f", 1), lines(*events).splitlines())


@pytest.mark.parametrize("ignored", ["5", "-1.5e3", "1x", "01", "5.", "1.5.2", "NaN", '"x"'])
def test_a_field_of_the_other_kind_is_ignored_but_has_to_be_json(ignored: str) -> None:
    good = [line(traffic(messages=number) | {"depth": 5, "enqueued": 0}) for number in range(70)]
    good += [line(queue(depth=number) | {"failures": 9, "messages": 0}) for number in range(70)]
    odd = [
        good[0].replace(b'"depth":5', b'"depth":' + ignored.encode()),
        good[70].replace(b'"failures":9', b'"failures":' + ignored.encode()),
    ]
    for texts in ([*good, *odd], [*odd, *good]):
        assert_agrees(decode_ndjson(b"\n".join(texts), "f", 1), texts)


def test_made_up_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.decode.template_cache._MOST", 100)
    monkeypatch.setattr(decode, "_learned", TemplateCache())
    for block in range(5):
        decode_ndjson(lines(*(traffic(service=f"{block}-{number}") for number in range(150))), "f", 1)
    assert len(decode._learned.keys) <= 250


def test_lines_are_counted_from_the_first_line_and_places_in_a_frame_from_0() -> None:
    text = lines(traffic()) + b"\n  \r\n" + b"[" + line(traffic()) + b", " + line(queue()) + b",5]\n" + b"broken\n" + line(traffic())
    batch = decode_ndjson(text, "events.ndjson", 41)
    assert [batch.position(number) for number in range(len(batch))] == [
        {"line": 41, "index": 0},
        {"line": 44, "index": 0},
        {"line": 44, "index": 1},
        {"line": 46, "index": 0},
    ]
    assert [(rejection.position, rejection.order, rejection.source) for rejection in batch.rejections] == [
        ({"line": 44, "index": 2}, 3, "events.ndjson"),
        ({"line": 45, "index": 0}, 3, "events.ndjson"),
    ]


def test_a_broken_element_costs_no_other_element_of_its_frame() -> None:
    texts = [line(traffic(messages=number)) for number in range(100)]
    texts[50] = b'{"kind":"traffic",broken}'
    texts[70] = texts[70].replace(b"SUP-01", b"SUP\xff01")
    batch = decode_ndjson(b"[" + b",".join(texts) + b"]\n", "f", 1)
    assert batch.value.tolist() == [number for number in range(100) if number not in (50, 70)]
    assert [rejection.position["index"] for rejection in batch.rejections] == [50, 70]
    assert batch.rejections[0].raw == texts[50]


def test_a_frame_that_is_cut_short_keeps_what_was_whole() -> None:
    whole = b"[" + b",".join(line(traffic(messages=number)) for number in range(100)) + b"]"
    batch = decode_ndjson(whole[:-40], "f", 1)
    assert batch.value.tolist() == list(range(99))
    assert [rejection.position for rejection in batch.rejections] == [{"line": 1, "index": 99}]


def test_a_mark_of_byte_order_at_the_start_is_passed_over() -> None:
    mark = b"\xef\xbb\xbf"
    assert len(decode_ndjson(mark + lines(traffic(), queue()), "f", 1)) == 2
    assert len(decode_body(mark + lines(traffic(), queue()), "f")) == 2
    assert len(decode_records([mark + line(traffic()), mark + b"[" + line(queue()) + b"]"], "t", 0, [0, 1])) == 2


def test_a_record_may_hold_lines_a_frame_or_one_event_over_many_lines() -> None:
    values = [
        lines(traffic(messages=1), traffic(messages=2)),
        b"[\n" + line(traffic(messages=3)) + b",\n" + line(traffic(messages=4)) + b"\n]\n",
        json.dumps(traffic(messages=5), indent=2).encode(),
        line(traffic(messages=6)) + b"\n\nbroken\n" + line(traffic(messages=7)),
    ]
    batch = decode_records(values, "t", 0, [10, 11, 12, 13])
    assert batch.value.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert [(batch.position(number)["offset"], batch.position(number)["index"]) for number in range(7)] == [
        *((10, 0), (10, 1), (11, 0), (11, 1), (12, 0), (13, 0), (13, 2)),
    ]
    assert [rejection.position["index"] for rejection in batch.rejections] == [1]


def test_a_line_end_within_a_text_is_no_json_even_in_an_array_over_many_lines() -> None:
    texts = [line(traffic(messages=number, host="a")) for number in range(100)]
    texts[50] = texts[50].replace(b'"a"', b'"\n"')
    batch = decode_records([b"[" + b",\n".join(texts) + b"]"], "t", 0, [7])
    assert batch.value.tolist() == [number for number in range(100) if number != 50]
    assert [rejection.position["index"] for rejection in batch.rejections] == [50]


def test_a_record_without_anything_in_it_is_a_dead_letter_at_its_offset() -> None:
    batch = decode_records([None, line(traffic()), b"", b" \n"], "t", 0, [5, 6, 7, 8])
    assert len(batch) == 1
    assert [(rejection.position["offset"], rejection.reason) for rejection in batch.rejections] == [
        (offset, "the record is empty") for offset in (5, 7, 8)
    ]


@pytest.mark.parametrize("body", [b"", b" \n", b"hello", b"hello\nworld", b'{"kind":', b"[1,", b"\x1f\x8b\x08", b"]"])
def test_a_body_that_is_no_json_at_all_is_an_error_of_its_own(body: bytes) -> None:
    if body == b"[1,":
        assert len(decode_body(body, "t").rejections) == 2
        return
    with pytest.raises(UnreadableInput):
        decode_body(body, "t")


@pytest.mark.parametrize("body", [b"[]", b" [\n]\n", b"[ ]"])
def test_an_empty_array_is_a_body_without_events(body: bytes) -> None:
    batch = decode_body(body, "t")
    assert (len(batch), batch.rejections) == (0, ())


def test_one_bad_line_of_a_body_is_refused_by_its_index() -> None:
    body = lines(traffic()) + b"\n" + b"hello\n" + lines(traffic(messages=-1), traffic())
    batch = decode_body(body, "t")
    assert [batch.position(number) for number in range(len(batch))] == [{"index": 0}, {"index": 3}]
    assert [rejection.position for rejection in batch.rejections] == [{"index": 1}, {"index": 2}]


def test_a_reason_names_the_field() -> None:
    batch = decode_ndjson(lines(*[traffic()] * 80, traffic(messages="5"), traffic(failures=121), traffic(user="a b")), "f", 1)
    assert [rejection.reason for rejection in batch.rejections] == [
        "messages must be a whole number, not '5'",
        "failures: 121 of 120 messages can't have failed",
        "user must be 1 to 64 letters, digits, '_', '.' or '-', not 'a b'",
    ]


def test_what_a_full_cache_knew_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = TemplateCache()
    monkeypatch.setattr(decode, "_learned", cache)
    for _ in range(2):
        decode_ndjson(b"\n".join(FILLING), "f", 1)
    tables = [weakref.ref(template.intern_table) for template in cache.latest()]
    assert tables
    del cache
    monkeypatch.undo()
    gc.collect()
    assert [table() for table in tables] == [None] * len(tables)
