"""A file is there whole, or the one before it still is."""

import os
from pathlib import Path

import pytest

from models.whole_file import SHARED, whole_file


def test_a_file_appears_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "calendar.json"
    with whole_file(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [each.name for each in tmp_path.iterdir()] == ["calendar.json"]


def test_an_error_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "calendar.json"
    path.write_bytes(b"before")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines([b"after", None])  # type: ignore[list-item]  # an error in the middle
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calendar.json"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"), whole_file(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("before", "asked", "after"), [(None, 0o600, 0o600), (None, SHARED, 0o644), (0o640, 0o600, 0o640)])
def test_a_new_file_has_the_permissions_asked_for_and_a_replaced_one_keeps_its_own(
    tmp_path: Path, before: int | None, asked: int, after: int
) -> None:
    path = tmp_path / "state"
    if before is not None:
        path.write_bytes(b"")
        path.chmod(before)
    with whole_file(path, permissions=asked) as file:
        file.write(b"content")
    assert path.stat().st_mode & 0o777 == after
