"""Damage to one event never stops the reader, never takes long, and never changes another event without a word."""

from pathlib import Path

import pytest

from tests.changes.files.mutations import FORMATS, campaign


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_to_one_event_leaves_the_others_alone(kind: str, tmp_path: Path) -> None:
    findings = campaign(kind, 80, seed=20260105, folder=tmp_path)
    assert [one.what for one in findings] == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", FORMATS)
def test_ten_thousand_damages_leave_the_others_alone(kind: str, tmp_path: Path) -> None:
    findings = campaign(kind, 10_000, seed=1, folder=tmp_path)
    assert [one.what for one in findings[:10]] == []
