"""Golden cases: a folder with events and changes, and what `highwater replay` must make of them, byte for byte."""

from dataclasses import dataclass
from pathlib import Path

from highwater.cli import run
from tests.golden.story import story

HERE = Path(__file__).parent
OUTPUTS = ("alerts.ndjson", "incidents.ndjson", "change-reports.ndjson", "rejected.ndjson")
STORY = "story.md"


@dataclass(frozen=True)
class Case:
    """`events.ndjson.gz`, `changes.json` and `truth.json` go in; `expected/` is what comes out."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def expected(self) -> Path:
        return self.folder / "expected"

    def replay(self, out: Path) -> dict[str, bytes]:
        """Run the command and give every file it wrote, and the story that they tell."""
        code = run(["replay", str(self.folder / "events.ndjson.gz"), "--changes", str(self.folder / "changes.json"), "--out", str(out)])
        assert code == 0, f"replay ended with {code}"
        files = {name: (out / name).read_bytes() for name in OUTPUTS}
        return files | {STORY: story(self.folder, files).encode()}


def cases() -> list[Case]:
    """Every folder with events."""
    return [Case(path.parent) for path in sorted(HERE.glob("*/events.ndjson.gz"))]
