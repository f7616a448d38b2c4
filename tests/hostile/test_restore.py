"""A crafted backup: nothing is written but the regular files that a backup holds, inside the new folder."""

import io
import tarfile
from pathlib import Path

import pytest

from models.errors import UnreadableInput
from service.operations.backup import restore


def _archive(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, data in (("about.json", tarfile.REGTYPE, b"{}"), ("highwater.sqlite", tarfile.REGTYPE, b""), *members):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(data), "../outside"
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("/outside", tarfile.REGTYPE),
        ("journal/../../outside", tarfile.REGTYPE),
        ("checkpoints", tarfile.SYMTYPE),
        ("checkpoints/1.state", tarfile.SYMTYPE),
        ("checkpoints/1.state", tarfile.LNKTYPE),
        ("journal/1.journal", tarfile.FIFOTYPE),
        ("highwater.sqlite", tarfile.REGTYPE),
        ("serve.lock", tarfile.REGTYPE),
    ],
)
def test_what_no_backup_holds_is_refused_before_anything_is_written(tmp_path: Path, name: str, kind: bytes) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    archive = _archive(tmp_path / "crafted.tar.gz", (name, kind, b"theirs" if kind == tarfile.REGTYPE else b""))
    with pytest.raises(UnreadableInput, match="nothing was restored"):
        restore(archive, tmp_path / "data")
    assert outside.read_bytes() == b"mine"
    assert not (tmp_path / "data").exists()
