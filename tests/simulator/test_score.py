import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UnreadableInput
from models.times import MINUTE_US, SECOND_US, format_time, parse_time
from simulator.score import FOREVER_US, Named, ScoredAlert, score
from simulator.score_files import read_alerts, read_truth
from simulator.truth import Anomaly, Truth

NINE = parse_time("2026-01-07T09:00:00Z")
STORM = Anomaly("storm", ("storm", "failures"), "A", NINE, NINE + 60 * MINUTE_US, caused_by="CHG-1", origin_user="A")


def truth(*anomalies: Anomaly, harmless: tuple[str, ...] = (), as_expected: tuple[str, ...] = (), judged_from_us: int = 0) -> Truth:
    return Truth("a", 1, judged_from_us, anomalies, harmless, as_expected)


def alert(
    minute: float = 2,
    *,
    kind: str = "storm",
    user: str | None = "A",
    loud: bool = True,
    ends: float | None = None,
    top: str | None = None,
    **more: object,
) -> ScoredAlert:
    """An alert detected `minute` minutes after nine."""
    at = NINE + round(minute * MINUTE_US)
    simulated = ScoredAlert(
        alert_id=f"{kind}-{user}-{minute}",
        kind=kind,
        user=user,
        region=None,
        onset_us=at - MINUTE_US,
        detected_us=at,
        resolved_us=FOREVER_US if ends is None else NINE + round(ends * MINUTE_US),
        woke_us=at if loud else None,
        suspects=() if top is None else (Named(top, "A", "declared", "probable"),),
        probable=frozenset(),
    )
    return replace(simulated, **more)


def test_all_right_is_one_everywhere() -> None:
    figures = score([alert(2, top="CHG-1")], truth(STORM, harmless=("CHG-2",)))
    assert (figures.recall, figures.precision, figures.attribution_top1, figures.wrong_probable) == (1, 1, 1, 0)
    assert (figures.delay_median_s, figures.delay_p95_s) == (120, 120)


def test_nothing_to_measure_is_null() -> None:
    assert score([], truth()).as_json() == {
        "recall": None,
        "precision": None,
        "delay_s": {"median": None, "p95": None},
        "attribution_top1": None,
        "wrong_probable": None,
        "undeclared_named": None,
        "missed": [],
        "stray": [],
        "misattributed": [],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        alert(2, kind="silence"),
        alert(2, user="B"),
        alert(-5),
        alert(70),
        alert(2, loud=False),
    ],
    ids=["other kind", "other User", "before it", "after it", "info only"],
)
def test_an_alert_finds_only_its_kind_its_user_and_its_time_and_must_wake_somebody(wrong: ScoredAlert) -> None:
    figures = score([wrong], truth(STORM))
    assert figures.recall == 0
    assert figures.missed == ("storm",)
    assert figures.precision == (None if wrong.woke_us is None else 0)


def test_an_alert_that_was_open_before_the_onset_does_not_find_it() -> None:
    figures = score([alert(-30, ends=20)], truth(STORM))
    assert (figures.recall, figures.precision) == (0, 0)


def test_what_is_detected_after_the_end_but_began_within_still_counts() -> None:
    assert score([alert(60.5)], truth(STORM)).recall == 1


def test_the_earliest_alert_is_the_one_that_counts() -> None:
    figures = score([alert(9, kind="failures", top="CHG-9"), alert(2, top="CHG-1")], truth(STORM))
    assert figures.delay_median_s == 120
    assert figures.attribution_top1 == 1


def test_an_alert_raised_later_counts_from_then() -> None:
    figures = score([alert(-30, woke_us=NINE + 3 * MINUTE_US)], truth(STORM))
    assert (figures.recall, figures.precision, figures.delay_median_s) == (1, 1, 180)


def test_collateral_and_weather_account_for_alerts_but_are_never_missed() -> None:
    suffering = replace(STORM, id="b", user="B", kinds=("drop",), collateral=True)
    gust = replace(STORM, id="c", user="C", weather=True, caused_by=None, origin_user=None)
    silent = score([alert(2)], truth(STORM, suffering, gust))
    loud = score([alert(2), alert(3, kind="drop", user="B"), alert(3, user="C")], truth(STORM, suffering, gust))
    assert (silent.recall, silent.missed) == (1, ())
    assert (loud.precision, loud.stray) == (1, ())


def test_an_anomaly_of_everyone_is_found_by_any_user_in_its_region() -> None:
    outage = replace(STORM, user=None, region="north", origin_user=None)
    assert score([alert(2, user="Z", region="north")], truth(outage)).recall == 1
    assert score([alert(2, user="Z", region="south")], truth(outage)).recall == 0
    assert score([alert(2, user=None, region="north")], truth(outage)).recall == 1


def test_an_alert_about_everyone_belongs_but_does_not_find_one_users_anomaly() -> None:
    figures = score([alert(2, user=None)], truth(STORM))
    assert (figures.recall, figures.precision) == (0, 1)


def test_info_is_enough_where_the_cause_did_what_it_said() -> None:
    assert score([alert(2, loud=False)], truth(STORM, as_expected=("CHG-1",))).recall == 1


def test_what_was_detected_before_the_judged_day_is_left_out() -> None:
    early = alert(-600, kind="drop", user="B")
    assert score([early, alert(2)], truth(STORM, judged_from_us=NINE - 60 * MINUTE_US)).precision == 1


def test_undeclared_causes_are_measured_apart() -> None:
    nobody = replace(STORM, caused_by=None)
    named = alert(2, suspects=(Named(None, "A", "undeclared", "possible"),))
    wrong = alert(2, suspects=(Named("CHG-7", "B", "declared", "possible"),))
    assert (score([named], truth(nobody)).undeclared_named, score([named], truth(nobody)).attribution_top1) == (1, None)
    assert score([wrong], truth(nobody)).undeclared_named == 0
    assert score([wrong], truth(nobody)).misattributed == ("storm",)


def test_a_harmless_change_called_probable_once_is_one_too_many() -> None:
    figures = score([alert(2, probable=frozenset({"CHG-2", "CHG-1"}))], truth(STORM, harmless=("CHG-2", "CHG-3", "CHG-4", "CHG-5")))
    assert figures.wrong_probable == 0.25
    assert score([], truth(harmless=("CHG-2", "CHG-3")), probable=["CHG-3"]).wrong_probable == 0.5


def test_delays_are_summed_up_by_median_and_interpolated_p95() -> None:
    many = [replace(STORM, id=str(n), user=str(n)) for n in range(5)]
    figures = score([alert(n + 1, user=str(n)) for n in range(5)], truth(*many))
    assert (figures.delay_median_s, figures.delay_p95_s) == (180, 288)


alerts = st.builds(
    alert,
    st.integers(-100, 100),
    kind=st.sampled_from(["storm", "drop"]),
    user=st.sampled_from(["A", "B", None]),
    loud=st.booleans(),
    ends=st.none() | st.integers(101, 200),
    top=st.sampled_from([None, "CHG-1", "CHG-2"]),
)


@given(st.lists(alerts, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_figures_are_shares_and_do_not_depend_on_the_order(result: list[ScoredAlert], random: object) -> None:
    known = truth(STORM, replace(STORM, id="b", user="B", kinds=("drop",)), harmless=("CHG-2",))
    one = score(result, known)
    shuffled = list(result)
    random.shuffle(shuffled)
    other = score(shuffled, known)
    for name in ("recall", "precision", "attribution_top1", "wrong_probable"):
        value = getattr(one, name)
        assert value is None or 0 <= value <= 1
        assert value == getattr(other, name) or name == "attribution_top1"


RECORD = {
    "alert_id": "al-1",
    "revision": 1,
    "as_of": "2026-01-07T09:02:00Z",
    "status": "open",
    "incident_id": "in-1",
    "kind": "storm",
    "user": "A",
    "onset_at": "2026-01-07T09:01:00Z",
    "detected_at": "2026-01-07T09:02:00Z",
    "resolved_at": None,
    "severity": "warning",
    "suspects": [{"change_id": "CHG-2", "owner": "B", "basis": "declared", "verdict": "probable", "score": 0.9, "reasons": []}],
}


def written(folder: Path, *records: dict[str, object], incidents: tuple[dict[str, object], ...] = ()) -> Path:
    (folder / "alerts.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records))
    if incidents:
        (folder / "incidents.ndjson").write_text("".join(json.dumps(record) + "\n" for record in incidents))
    return folder


def read_both(folder: Path) -> None:
    read_truth(folder / "truth.json")
    read_alerts(folder)


def test_files_are_read_by_revision_whatever_their_order(tmp_path: Path) -> None:
    second = RECORD | {
        "revision": 2,
        "as_of": "2026-01-07T10:00:00Z",
        "resolved_at": "2026-01-07T10:00:00Z",
        "suspects": [RECORD["suspects"][0] | {"change_id": "CHG-1"}],
    }
    (simulated,), probable = read_alerts(written(tmp_path, second, RECORD))
    assert simulated.detected_us == simulated.woke_us == NINE + 120 * SECOND_US
    assert simulated.suspects[0].change_id == "CHG-1"
    assert simulated.probable == {"CHG-1", "CHG-2"}
    assert probable == frozenset()
    assert format_time(simulated.resolved_us) == "2026-01-07T10:00:00Z"


def test_the_incident_has_the_last_word_on_suspects(tmp_path: Path) -> None:
    later = {"incident_id": "in-1", "revision": 3, "suspects": [RECORD["suspects"][0] | {"change_id": "CHG-1"}]}
    (simulated,), _ = read_alerts(written(tmp_path, RECORD, incidents=(later, {"incident_id": "in-1", "revision": 4, "suspects": []})))
    assert simulated.suspects[0].change_id == "CHG-1"


def test_an_alert_without_suspects_has_those_of_its_incident(tmp_path: Path) -> None:
    incident = {"incident_id": "in-1", "revision": 1, "suspects": RECORD["suspects"]}
    (simulated,), probable = read_alerts(written(tmp_path, RECORD | {"suspects": []}, incidents=(incident,)))
    assert simulated.suspects[0].change_id == "CHG-2"
    assert probable == {"CHG-2"}


def test_an_alert_that_began_as_info_woke_nobody_until_it_was_raised(tmp_path: Path) -> None:
    raised = RECORD | {"revision": 2, "as_of": "2026-01-07T09:30:00Z"}
    (simulated,), _ = read_alerts(written(tmp_path, RECORD | {"severity": "info"}, raised))
    assert simulated.woke_us == NINE + 30 * MINUTE_US


def test_the_truth_survives_being_written(tmp_path: Path) -> None:
    known = truth(
        STORM, replace(STORM, id="w", weather=True, region="north", threatens=("CHG-5",)), harmless=("CHG-2",), as_expected=("CHG-3",)
    )
    (tmp_path / "truth.json").write_bytes(known.encode())
    again = read_truth(tmp_path / "truth.json")
    assert again.encode() == known.encode()


def test_a_truth_with_the_contracts_fields_alone_will_do(tmp_path: Path) -> None:
    anomaly = {
        "id": "x",
        "kinds": ["storm"],
        "user": "A",
        "onset_at": "2026-01-07T09:00:00Z",
        "ends_at": "2026-01-07T10:00:00Z",
        "caused_by": None,
        "origin_user": "A",
    }
    (tmp_path / "t.json").write_text(json.dumps({"anomalies": [anomaly], "harmless": [], "as_expected": []}))
    assert score([alert(2)], read_truth(tmp_path / "t.json")).recall == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("truth.json", None, "does not exist"),
        ("truth.json", "{", "not a truth.json as"),
        ("truth.json", "[]", "not a truth.json as"),
        ("truth.json", '{"anomalies": [{"id": "x"}]}', "kinds is missing"),
        ("truth.json", '{"anomalies": [{"id": "x", "kinds": ["storm"], "onset_at": "yesterday"}]}', "not an RFC 3339 time"),
        ("truth.json", '{"anomalies": [], "harmless": "CHG-1"}', "is not a list"),
        ("alerts.ndjson", None, "does not exist"),
        ("alerts.ndjson", "{}\n", "line 1: alert_id is missing"),
        ("alerts.ndjson", json.dumps(RECORD) + "\nnot json\n", "line 2"),
        ("alerts.ndjson", json.dumps(RECORD | {"detected_at": "2026-01-07T09:02:00"}) + "\n", "with an offset"),
        ("incidents.ndjson", "[1]\n", "line 1"),
    ],
)
def test_what_can_not_be_read_is_one_line_that_names_the_place(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    written(tmp_path, RECORD)
    (tmp_path / "truth.json").write_bytes(truth(STORM).encode())
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(UnreadableInput, match=words) as fault:
        read_both(tmp_path)
    assert "\n" not in str(fault.value)


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="is not a folder"):
        read_alerts(tmp_path / "alerts.ndjson")
