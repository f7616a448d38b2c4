"""A data folder of commit 932208c, left by `kill -9`, is read: the records, people's actions and the open incident continue."""

import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

from streams.pipeline import PipelineParameters
from streams.windowing.assembler import TimeParameters
from tests.service.house import House, until

HERE = Path(__file__).parent
EXPECTED = json.loads(lzma.decompress((HERE / "folder.expected.json.xz").read_bytes()))
"""Lists of the old monitor before it was killed (`incidents`, `alerts`, `own` of SUP-01), and the events that came afterwards (`rest`)."""


def unpacked(folder: Path) -> Path:
    with tarfile.open(HERE / "folder.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


LASTING = ("incident_id", "alert_id", "kind", "kinds", "user", "origin_user", "opened_at", "onset_at", "detected_at", "series", "alert_ids")
"""What the next revision does not change: what the old checkpoint does not cover is judged again, and may bring one at any moment."""


def same(items: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """Whether `items` are the records that the old release had, or a later revision of each."""
    pairs = list(zip(items, expected, strict=True))
    return all(
        item["revision"] >= before["revision"] and all(item[name] == before[name] for name in LASTING if name in before)
        for item, before in pairs
    )


def test_a_folder_of_the_old_release_keeps_its_records_actions_and_open_incident(tmp_path: Path) -> None:
    (before,) = EXPECTED["incidents"]
    # The old sender's stream is idle soon, so that the windows of the rest close.
    with House(unpacked(tmp_path / "data"), core=PipelineParameters(time=TimeParameters(idle_s=2))) as house:
        desk = house.client("triage")

        def listed(name: str) -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = desk.get(f"/v1/{name}").json()["items"]
            return items

        assert same(listed("incidents"), [before])
        assert same(listed("alerts"), EXPECTED["alerts"])
        own = house.client(None).get("/v1/alerts", headers={"authorization": f"Bearer {EXPECTED['user_secret']}"}).json()["items"]
        assert same(own, EXPECTED["own"])
        assert {one["change_id"] for one in listed("changes")} == {"CHG-1", "CHG-2"}
        state = desk.get("/v1/triage/incidents").json()
        assert [one["state"]["acknowledged"]["name"] for one in state if one["id"] == before["incident_id"]] == ["Ann"]

        house.client("ingest").post("/v1/events", content=EXPECTED["rest"].encode()).raise_for_status()
        until(lambda: listed("incidents")[0]["status"] == "resolved", 180)
        (after,) = listed("incidents")
        assert (after["incident_id"], after["opened_at"]) == (before["incident_id"], before["opened_at"])
        assert {one["alert_id"] for one in EXPECTED["alerts"]} <= {one["alert_id"] for one in listed("alerts")}
