"""Whatever triage judges, a copy takes no more from it than the contract allows: cheap, so many judgements are tried."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.alert_draft import Draft
from correlation.grading.incident_category import Category
from correlation.records.alert_record import alert
from correlation.redaction import user_alerts
from correlation.redaction.policy import allowance_for, reader_calendar, redacted
from models.alert import Alert, Reason, Suspect, ThreatenedChange
from models.canonical_json import to_json
from tests.correlation.builders import World, calendar, change, run
from tests.correlation.redaction.test_policy import OTHERS, READER, SPILL, keys_of, renamed, stripped

OWNERS = (READER, "DCC", *OTHERS)
SAME = {name: name for name in OTHERS}
Judged = tuple[tuple[str, str, str, str, float], ...]
"""Owner, basis, verdict, visibility of the change and score of each suspect."""


@lru_cache(maxsize=1)
def pairs() -> tuple[tuple[Draft, Draft], ...]:
    """The reader's own drafts of a spill-over, each with triage's draft of the same alert."""
    listed: list[tuple[Draft, Draft]] = []
    judged: list[Draft] = []

    def allow(draft: Draft, user: str, view: Any) -> Any:
        judged.append(draft)
        return allowance_for(draft, user, view)

    def copy(own: Draft, allowed: Any, user: str) -> Draft:
        if user == READER and judged:
            listed.append((own, judged[-1]))
        return redacted(own, allowed, user)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_alerts, "allowance_for", allow)
        patch.setattr(user_alerts, "redacted", copy)
        run(World(tuple(key for user in (READER, *OTHERS) for key in keys_of(user)), SPILL), range(14))
    return tuple(listed)


JUDGEMENTS = st.lists(
    st.tuples(
        st.sampled_from(OWNERS),
        st.sampled_from(["declared", "undeclared"]),
        st.sampled_from(["probable", "possible", "coincident", "excluded"]),
        st.sampled_from(["dcc_only", "public_summary"]),
        st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    ),
    max_size=5,
    unique_by=lambda one: one[:2],
).map(tuple)


def copied(own: Draft, triage: Draft, judged: Judged, severity: str, category: int, names: Mapping[str, str]) -> Alert:
    """The reader's copy if triage judges like this, with the others under `names`."""
    named = [(names.get(owner, owner), *rest) for owner, *rest in judged]
    changes = [
        change(f"SECRET-{owner}", owner, 0, 60, visibility=visibility, title=f"Plan of {owner}")
        for owner, basis, _, visibility, _ in named
        if basis == "declared"
    ]
    view = calendar(*changes).view(own.case.at_us)
    suspects = tuple(
        Suspect(
            change_id=f"SECRET-{owner}" if basis == "declared" else None,
            owner=owner,
            basis=basis,
            verdict=verdict,
            score=score,
            reasons=(Reason(code="scope", text=f"The change is at {owner}."),),
        )
        for owner, basis, verdict, _, score in named
    )
    others = tuple(names.values())
    threatened = tuple(ThreatenedChange(change_id=f"SECRET-{name}", owner=name, why=f"{name} is disturbed.") for name in others)
    grave = replace(
        triage,
        suspects=suspects,
        severity=severity,
        category=Category(category, f"{others[0]} suffers."),
        affected=others,
        threatened=threatened,
    )
    draft = redacted(own, allowance_for(grave, READER, view), READER)
    return alert(draft, 1, "open", reader_calendar(READER, view))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 20), JUDGEMENTS, st.sampled_from(["info", "warning", "critical"]), st.integers(1, 5))
def test_a_copy_takes_only_what_is_allowed_from_any_judgement(which: int, judged: Judged, severity: str, category: int) -> None:
    own, triage = pairs()[which % len(pairs())]
    copy = copied(own, triage, judged, severity, category, SAME)
    text = to_json(copy).decode()
    assert not any(name in text for name in OTHERS)
    assert set(copy.affected_users) <= {READER}
    assert (copy.severity, copy.category) == (severity, category)
    hidden = [suspect for suspect in copy.suspects if suspect.basis == "other_party"]
    result = [
        verdict for owner, basis, verdict, *_ in judged if owner in OTHERS and basis == "declared" and verdict in ("probable", "possible")
    ]
    assert [suspect.verdict for suspect in hidden] == (["probable" if "probable" in result else "possible"] if result else [])
    assert all(suspect.owner in (READER, "DCC") for suspect in copy.suspects if suspect not in hidden)
    assert text == to_json(copied(own, triage, judged, severity, category, {name: renamed(name) for name in OTHERS})).decode()
    assert stripped(copy) == stripped(alert(own, 1, "open", reader_calendar(READER, calendar().view(own.case.at_us))))


@pytest.mark.parametrize(
    ("triage", "expected", "sentence"),
    [
        (("probable", 0.9), "probable", None),
        (("possible", 0.4), "possible", "less sure"),
        (("excluded", 0.0), "excluded", "another cause"),
        (None, "coincident", "another cause"),
    ],
)
def test_nobody_is_blamed_in_its_own_copy_for_what_triage_gives_another_cause(triage, expected: str, sentence: str | None) -> None:
    own, desk = pairs()[0]
    view = calendar(change("CHG-1", READER, 0, 60)).view(own.case.at_us)
    mine = Suspect(change_id="CHG-1", owner=READER, basis="declared", verdict="probable", score=0.98, reasons=())
    seen = () if triage is None else (mine.model_copy(update={"verdict": triage[0], "score": triage[1]}),)
    draft = redacted(replace(own, suspects=(mine,)), allowance_for(replace(desk, suspects=seen), READER, view), READER)
    (suspect,) = draft.suspects
    assert suspect.verdict == expected
    assert (suspect.score == 0.98) == (sentence is None)
    assert [sentence in reason.text for reason in suspect.reasons] == ([] if sentence is None else [True])
