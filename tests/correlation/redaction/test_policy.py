"""What a User is sent: nothing of anybody else but what the contract names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.alert import Alert
from models.canonical_json import to_json
from models.change import Change
from models.columns import SeriesKey
from tests.correlation.builders import RunResult, Trouble, World, change, queue, run, series

READER, OTHERS = "READER", ("NEIGHBOUR", "STRANGER", "THIRD")
SAME = {name: name for name in OTHERS}
ALLOWED = ("revision", "severity", "category", "category_reason", "suspects", "affected_users", "next_step", "contact", "summary")
"""What may differ when others differ: see `correlation.redaction.policy`; the texts follow from the suspects."""


def keys_of(user: str) -> tuple[SeriesKey, ...]:
    return (series(user, "to_dsp", "service_request", "8.1.1"), series(user), series(user, of="device_alert", service="8F36"), queue(user))


def troubles_of(user: str) -> st.SearchStrategy[tuple[Trouble, ...]]:
    request, answer, alerts, jam = keys_of(user)
    since, length, size = st.integers(2, 25), st.integers(3, 60), st.sampled_from([300.0, 2_500.0, 40_000.0])
    one = st.one_of(
        st.builds(lambda at, of, lasts: Trouble("storm", request, at, at + lasts, observed=of), since, size, length),
        st.builds(lambda at, lasts: Trouble("silence", answer, at, at + lasts), since, length),
        st.builds(lambda at, lasts: Trouble("drop", answer, at, at + lasts, observed=30), since, length),
        st.builds(lambda at, lasts, of: Trouble("failures", request, at, at + lasts, observed=of, codes={"E12": 7}), since, length, size),
        st.builds(lambda at, lasts, of: Trouble("storm", alerts, at, at + lasts, observed=of), since, length, size),
        st.builds(lambda at, lasts, of: Trouble("backlog", jam, at, at + lasts, grows=of), since, length, size),
        st.builds(lambda at, lasts: Trouble("stale", answer, at, at + lasts), since, length),
    )
    return st.lists(one, max_size=3, unique_by=lambda trouble: (trouble.kind, trouble.key)).map(tuple)


def changes_of(owner: str, visibility: str = "dcc_only") -> st.SearchStrategy[tuple[Change, ...]]:
    categories = st.sampled_from(["firewall", "meter_data_management", "release", "bcdr_test"])
    expected = st.sampled_from([None, {"effect": "up", "factor": 30.0}, {"effect": "silent"}])
    one = st.builds(
        lambda at, lasts, category, effect: change(
            f"SECRET-{owner}", owner, at, at + lasts, category=category, expected=effect, visibility=visibility, title=f"Plan of {owner}"
        ),
        st.integers(-30, 20),
        st.integers(5, 90),
        categories,
        expected,
    )
    return st.lists(one, max_size=1).map(tuple)


@st.composite
def scenes(draw: Any) -> tuple[tuple[Trouble, ...], tuple[Trouble, ...], tuple[Change, ...], tuple[Change, ...]]:
    """The reader's troubles, the others', the changes it may see in full, the others' hidden ones."""
    mine = draw(troubles_of(READER))
    theirs = tuple(trouble for user in OTHERS for trouble in draw(troubles_of(user)))
    seen = (*draw(changes_of(READER)), *draw(changes_of("DCC")))
    return mine, theirs, seen, tuple(one for user in OTHERS for one in draw(changes_of(user)))


def records(
    mine: tuple[Trouble, ...], theirs: tuple[Trouble, ...], changes: tuple[Change, ...], others: Mapping[str, str] = SAME
) -> RunResult:
    """What a run says; `others`: the Users beside the reader by name → the name that their noise goes by."""
    keys = tuple(key for user in (READER, *others) for key in keys_of(user))
    return run(World(keys, mine + theirs, formerly=dict(others)), range(60), *changes)


def renamed(name: str) -> str:
    return f"X{name[::-1]}"


def properties(*drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """A property as a test: a few examples, each a whole hour of two or three networks, and 300 of them in `make soak`."""

    def as_test(holds: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("examples", [8, pytest.param(300, marks=pytest.mark.soak)])
        def test(examples: int) -> None:
            checked = given(*drawn)(holds)
            settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])(checked)()

        return test

    return as_test


@properties(scenes())
def test_nothing_of_others_stands_in_a_copy(scene):
    mine, theirs, seen, hidden = scene
    for copy in records(mine, theirs, seen + hidden).copies(READER):
        text = to_json(copy).decode()
        assert copy.user == READER
        assert copy.series.user == READER
        assert not any(name in text for name in (*OTHERS, *(f"SECRET-{name}" for name in OTHERS)))
        assert set(copy.affected_users) <= {READER}
        for suspect in copy.suspects:
            assert suspect.basis != "undeclared"
            if suspect.basis == "other_party":
                assert suspect.change_id is None
                assert suspect.owner is None
                assert suspect.verdict in ("probable", "possible")


@properties(scenes())
def test_the_names_and_ids_of_others_change_no_byte_of_a_copy(scene):
    mine, theirs, seen, hidden = scene
    before = records(mine, theirs, seen + hidden)
    names = {name: renamed(name) for name in OTHERS}
    moved = tuple(replace(one, key=one.key._replace(user=names[one.key.user])) for one in theirs)
    rewritten = tuple(
        Change.model_validate(
            one.model_dump() | {"owner": names[one.owner], "change_id": f"Q-{names[one.owner]}", "title": "Another title"}
        )
        for one in hidden
    )
    after = records(mine, moved, seen + rewritten, {new: old for old, new in names.items()})
    assert first(before.copies(READER)) == first(after.copies(READER))
    if grouped(before, names) == grouped(after, {}):
        assert [to_json(copy) for copy in before.copies(READER)] == [to_json(copy) for copy in after.copies(READER)]
    else:  # Of two events that are alike in all else ids decide which one a third piece joins; the rest must still be the same.
        assert same_where_both_speak(after.copies(READER), before.copies(READER))


@properties(scenes(), scenes())
def test_what_others_do_changes_nothing_in_a_copy_but_what_is_allowed(scene, another):
    mine, theirs, seen, hidden = scene
    one = records(mine, theirs, seen + hidden).copies(READER)
    _, theirs, _, hidden = another
    other = records(mine, theirs, seen + hidden).copies(READER)
    bare = records(mine, (), seen, {}).copies(READER)
    assert [first(one), first(other)] == [first(bare), first(bare)]
    for copies in (one, other):
        assert same_where_both_speak(copies, bare)


def grouped(outcome: RunResult, names: Mapping[str, str]) -> list[tuple[object, ...]]:
    """How triage saw the events in every window, under other names."""

    def called(users: Iterable[str | None]) -> tuple[str, ...]:
        return tuple(sorted(names.get(user or "", user or "") for user in users))

    return sorted(
        (str(one.as_of), called([one.origin_user]), called(one.affected_users), one.kinds, one.status) for one in outcome.incidents
    )


def first(copies: list[Alert]) -> list[tuple[str, str]]:
    """When each alert opened."""
    return [(copy.alert_id, str(copy.as_of)) for copy in copies if copy.revision == 1]


def same_where_both_speak(copies: list[Alert], bare: list[Alert]) -> bool:
    records = {(copy.alert_id, copy.as_of): copy for copy in bare}
    pairs = [(copy, records[copy.alert_id, copy.as_of]) for copy in copies if (copy.alert_id, copy.as_of) in records]
    for copy, alone in pairs:
        assert stripped(copy) == stripped(alone)
        own, its_own = (tuple(suspect for suspect in one.suspects if suspect.owner in (READER, "DCC")) for one in (copy, alone))
        assert {s.change_id for s in own} == {s.change_id for s in its_own}
        if own == copy.suspects == alone.suspects and copy.severity == alone.severity:
            assert copy.summary == alone.summary
            if not any("it began elsewhere" in one.next_step for one in (copy, alone)):
                assert copy.next_step == alone.next_step
    return True


def stripped(copy: Alert) -> dict[str, Any]:
    return {name: value for name, value in copy.model_dump().items() if name not in ALLOWED and name != "status"}


REQUEST, ANSWER, _, _ = keys_of("NEIGHBOUR")
SLOWED = keys_of(READER)[1]
SPILL = (
    Trouble("storm", REQUEST, 5, observed=40_000),
    *(Trouble("drop", keys_of(user)[1], 7, observed=30) for user in (READER, "STRANGER", "THIRD")),
)


def suffering(*changes: Change) -> Alert:
    keys = tuple(key for user in (READER, *OTHERS) for key in keys_of(user))
    return run(World(keys, SPILL), range(30), *changes).copies(READER)[-1]


def test_another_partys_hidden_change_is_an_other_party():
    copy = suffering(change("SECRET", "NEIGHBOUR", 0, 60, category="meter_data_management"))
    (suspect,) = copy.suspects
    assert (suspect.basis, suspect.change_id, suspect.owner, suspect.verdict) == ("other_party", None, None, "probable")
    assert "another party's change" in copy.summary
    assert "SECRET" not in to_json(copy).decode()
    assert copy.affected_users == (READER,)


def test_another_partys_published_change_is_an_other_party_like_any():
    published = change(
        "CHG-1",
        "NEIGHBOUR",
        0,
        60,
        category="meter_data_management",
        visibility="public_summary",
        description="Confidential plan",
        contact="Their night desk",
        systems=["their head end"],
    )
    copy = suffering(published)
    assert [(suspect.change_id, suspect.owner, suspect.basis) for suspect in copy.suspects] == [(None, None, "other_party")]
    text = to_json(copy).decode()
    assert not any(secret in text for secret in ("CHG-1", "NEIGHBOUR", "09:00–10:00", "Confidential", "night desk", "head end"))
    assert copy.contact is None


def test_a_change_of_the_dcc_is_shown_to_all():
    copy = suffering(change("CHG-2", "DCC", 5, 60, category="internal_system", contact="Duty manager"))
    assert [suspect.change_id for suspect in copy.suspects] == ["CHG-2"]


def test_a_service_providers_change_is_another_partys():
    hidden = change("SECRET", "PROVIDER", 6, 60, source="service_provider", category="network", disruption="outage")
    assert "SECRET" not in to_json(suffering(hidden)).decode()
    assert "PROVIDER" not in to_json(suffering(hidden)).decode()


def test_a_copy_has_its_severity_from_triage_and_a_category_without_names():
    copy = suffering()
    assert (copy.severity, copy.category) == ("warning", 1)
    assert copy.category_reason == "Proposed by the DCC Service Desk, which sees the whole service."


def test_a_copy_has_the_alerts_id_and_an_incident_of_its_own():
    keys = tuple(key for user in (READER, *OTHERS) for key in keys_of(user))
    seen = run(World(keys, SPILL), range(30))
    copy, alert = seen.copies(READER)[-1], seen.one("drop", READER)
    assert copy.alert_id == alert.alert_id
    assert copy.incident_id != alert.incident_id
    assert copy.incident_id == f"I-{copy.alert_id[2:]}"


def test_a_copy_has_revisions_of_its_own_numbering():
    keys = tuple(key for user in (READER, *OTHERS) for key in keys_of(user))
    seen = run(World(keys, SPILL), range(30), change("SECRET", "NEIGHBOUR", 0, 60, category="meter_data_management"))
    revisions = [copy.revision for copy in seen.copies(READER)]
    assert revisions == list(range(1, len(revisions) + 1))


@pytest.mark.parametrize("user", OTHERS)
def test_copies_go_only_to_the_user_whose_alert_it_is(user):
    keys = tuple(key for name in (READER, *OTHERS) for key in keys_of(name))
    seen = run(World(keys, SPILL), range(30))
    assert all(copy.user == user for copy in seen.copies(user))
    assert seen.copies(user)
