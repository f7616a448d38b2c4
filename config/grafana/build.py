"""Writes the dashboards' JSON: `python -m config.grafana.build`."""

import json
from pathlib import Path

from config.grafana.boards import BOARDS

FOLDER = Path(__file__).parent


def texts() -> dict[Path, str]:
    """File → its content."""
    return {FOLDER / board.file: json.dumps(board.json(), indent=1, ensure_ascii=False) + "\n" for board in BOARDS}


def write() -> None:
    """Writes every dashboard; removes files of dashboards that no longer exist."""
    wanted = texts()
    for path in FOLDER.rglob("dashboards/*/*.json"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
