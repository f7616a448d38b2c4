"""Quotas: what one User takes is bounded, and the answer says by what."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from changes.limits import ChangeLimits, excess
from changes.parameters import ChangesParameters
from correlation.parameters import CorrelationParameters
from models.columns import SeriesKey
from models.errors import Malformed
from models.times import DAY_US
from service.access import Principal, Role
from service.http.routes import events
from service.ingest import series_count_file
from service.ingest.series_count_file import NAME, SeriesCountFile
from service.ingest.series_quota import SeriesQuota, TooManySeriesError
from service.notify.target_policy import check_webhook
from service.parameters import QuotaParameters, SubscriptionParameters
from service.planning import answers as planning_answers
from service.planning.plans import planning_rules, preview
from tests.service.builders import change, change_json, lines, queue
from tests.service.house import House

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def day_of(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_a_user_s_changes_beyond_the_quota_are_refused_with_a_reason_and_its_revisions_are_not(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(changes_per_user=20)) as house:
        acme, bolt = house.client("user:ACME"), house.client("user:BOLT")
        for start in (0, 10):
            several = [change_json(f"C-{number}") for number in range(start, start + 10)]
            assert acme.post("/v1/changes", json=several).status_code == 201
        refused = acme.post("/v1/changes", json=change_json("C-20"))
        assert refused.status_code == 422
        assert "20 changes" in refused.json()["detail"]
        assert "serve.quotas.changes_per_user" in refused.json()["detail"]
        assert acme.put("/v1/changes/C-1", json=change_json("C-1", title="later")).status_code == 200
        assert bolt.post("/v1/changes", json=change_json("C-1", "BOLT")).status_code == 201


def test_previews_of_one_user_come_one_at_a_time_and_hold_up_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Semaphore(0), threading.Event()
    real = planning_answers.preview

    def slow(*given: object) -> object:
        entered.release()
        leave.wait(20)
        return real(*given)  # type: ignore[arg-type]  # whatever the handler gives

    monkeypatch.setattr(planning_answers, "preview", slow)
    answers: list[int] = []

    def preview() -> None:
        answers.append(house.client("user:ACME").post("/v1/changes/preview", json=change_json()).status_code)

    asking = [threading.Thread(target=preview) for _ in range(2)]
    for one in asking:
        one.start()
    assert entered.acquire(timeout=20)
    assert not entered.acquire(timeout=0.2)
    assert house.client("user:BOLT").get("/v1/changes").status_code == 200
    leave.set()
    for one in asking:
        one.join(20)
    assert answers == [200, 200]


def test_an_array_beyond_the_quota_is_answered_item_by_item(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(changes_per_user=3)) as house:
        acme = house.client("user:ACME")
        assert acme.post("/v1/changes", json=change_json("C-0")).status_code == 201
        several = [
            change_json("C-0"),  # known
            change_json("C-1"),  # new
            change_json("C-2"),  # new
            change_json("C-3"),  # one too many
            change_json("C-0", title="other"),  # in conflict
            change_json("C-0", revision=2, title="higher"),  # a revision is always taken
            change_json("C-2"),  # twice in the body
            change_json("C-1", "BOLT"),  # another's
            "no change",
        ]
        answer = acme.post("/v1/changes", json=several)
        assert answer.status_code == 201
        assert [item["status"] for item in answer.json()["items"]] == [200, 201, 201, 422, 409, 201, 200, 403, 422]
        later = acme.post("/v1/changes", json=[change_json("C-0"), change_json("C-9")])
        assert (later.status_code, [item["status"] for item in later.json()["items"]]) == (200, [200, 422])
        assert acme.put("/v1/changes/C-8", json=change_json("C-8")).status_code in (404, 422)
        assert acme.put("/v1/changes/ACME/C-8", json=change_json("C-8")).status_code == 422
        assert acme.post("/v1/changes/ACME/C-8", json=change_json("C-8")).status_code == 422
        assert len(acme.get("/v1/changes").json()["items"]) == 3


def test_one_change_has_so_many_revisions_and_no_more(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(revisions_per_change=3)) as house:
        acme, desk = house.client("user:ACME"), house.client("triage")
        assert acme.post("/v1/changes", json=change_json()).status_code == 201
        answers = [acme.put("/v1/changes/C-1", json=change_json(title=f"title {number}")).status_code for number in range(4)]
        assert answers == [200, 200, 422, 422]
        assert desk.put("/v1/changes/ACME/C-1", json=change_json(title="by the desk")).status_code == 200


def test_series_of_a_token_are_bounded_and_the_others_are_not_touched(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas=QuotaParameters.model_construct(series_per_token=100)) as house:
        hostile, other = house.client("ingest"), house.client("admin")

        def post(client, first: int, count: int):  # type: ignore[no-untyped-def]
            return client.post("/v1/events", content=lines(*(queue(10, f"U-{number}") for number in range(first, first + count))))

        assert post(hostile, 0, 90).status_code == 202
        refused = post(hostile, 90, 20)
        assert refused.status_code == 422
        assert "serve.quotas.series_per_token" in refused.json()["detail"]
        assert post(hostile, 0, 100).status_code == 202, "those that it reports already, and ten more"
        assert post(other, 500, 100).status_code == 202
        house.judged()
        assert house.parts.board.events["accepted"] == 290


def test_series_that_are_reported_no_more_count_no_more() -> None:
    quota = SeriesQuota(2)
    keys = [SeriesKey(user, "", "", "", "", "q", 10) for user in "ABCD"]
    quota.take("t", keys[:2], 0)
    with pytest.raises(TooManySeriesError):
        quota.take("t", keys[2:3], DAY_US)
    quota.take("t", keys[2:4], 2 * DAY_US)
    quota.take("u", keys[:2], 2 * DAY_US)


def test_a_declaration_that_others_would_read_has_a_bounded_size_and_a_name_that_is_seen() -> None:
    refused = [
        ({"title": "x" * 501}, "500 characters"),
        ({"description": "x" * 64_000}, "64 kB"),
        ({"users": [f"U-{number}" for number in range(10_000)]}, "64 kB"),
        *[({"change_id": f"C-1{mark}"}, "can't be seen") for mark in "\x00\n\x7f\u202e\u200b\u2028"],
    ]
    now_us = int(NOW.timestamp() * 1e6)
    for given, reason in refused:
        assert reason in (excess(change(**given), now_us, ChangeLimits()) or ""), given
    assert excess(change("Umbau Süd / Phase 2 #7", title="x" * 500, description="x" * 60_000), now_us, ChangeLimits()) is None


def test_a_webhook_s_host_is_written_plainly() -> None:
    for target in ("https://127%2e0%2e0%2e1/x", "https://example.com%2e/", "https://exa$mple.com/", "https://a,b/"):
        with pytest.raises(Malformed):
            check_webhook(target, SubscriptionParameters())
    check_webhook("https://hooks_1.example-2.com:8443/x?y=%2e", SubscriptionParameters())
    check_webhook("https://[2606:4700::1111]/", SubscriptionParameters())


def test_bodies_of_one_token_are_decoded_one_at_a_time_and_those_of_others_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave, decode = threading.Semaphore(0), threading.Event(), events.decoded_post
    at_once: list[str] = []

    def slow(body: bytes, stream: str, limit: int):  # type: ignore[no-untyped-def]
        at_once.append(stream)
        entered.release()
        leave.wait(20)
        return decode(body, stream, limit)

    monkeypatch.setattr(events, "decoded_post", slow)
    answers: list[int] = []

    def post(role: str) -> None:
        answers.append(house.client(role, follow_redirects=False).post("/v1/events", content=lines(queue(10))).status_code)

    threads = [threading.Thread(target=post, args=(role,)) for role in ("ingest", "ingest", "ingest", "admin")]
    for one in threads:
        one.start()
    for _ in range(2):
        assert entered.acquire(timeout=20)
    assert len(set(at_once)) == len(at_once) == 2
    leave.set()
    for one in threads:
        one.join(20)
    assert answers == [202] * 4


def test_a_restart_does_not_begin_the_count_of_series_again(tmp_path: Path) -> None:
    folder, quotas = tmp_path / "data", QuotaParameters.model_construct(series_per_token=100)

    def posted(house: House, first: int, count: int) -> int:
        body = lines(*(queue(10, f"U-{number}") for number in range(first, first + count)))
        return house.client("ingest").post("/v1/events", content=body, headers={"authorization": f"Bearer {secret}"}).status_code

    with House(folder, quotas=quotas) as house:
        secret = house.secrets["ingest"]
        assert posted(house, 0, 90) == 202
    with House(folder, quotas=quotas) as again:
        assert [posted(again, 90, 20), posted(again, 0, 100)] == [422, 202]
    (folder / NAME).write_bytes(b"damaged")
    with House(folder, quotas=quotas) as restarted:
        assert posted(restarted, 500, 100) == 202, "a damaged file stops nothing"


def test_fingerprints_of_series_are_those_of_any_process() -> None:
    quota, other = SeriesQuota(2), SeriesQuota(2)
    keys = [SeriesKey(user, "", "", "", "\ud800", "q", 10) for user in "ABC"]
    quota.take("t", keys[:2], 0)
    tree = quota.pack_if_changed()
    assert tree is not None
    assert quota.pack_if_changed() is None
    assert tree["today"]["t"].hex() == "75043be39d694d1db48664852bae80c0"
    other.restore(tree)
    other.take("t", keys[:2], DAY_US)
    with pytest.raises(TooManySeriesError):
        other.take("t", keys[2:], DAY_US)


def test_what_was_accepted_before_a_limit_can_still_be_ended() -> None:
    old = change("C\u00ad1", title="t" * 600, description="d" * 70_000)
    assert excess(old, 0, ChangeLimits(furthest_days=1e6)) is not None
    ended = old.model_copy(update={"status": "cancelled", "revision": 2})
    assert excess(ended, 0, ChangeLimits(furthest_days=1e6), old) is None
    for longer in ({"title": "t" * 601}, {"description": "d" * 80_000}):
        assert excess(ended.model_copy(update=longer), 0, ChangeLimits(furthest_days=1e6), old) is not None


def test_no_text_in_a_series_hides_another_series() -> None:
    quota = SeriesQuota(5)
    keys = [SeriesKey("A", "", "", "\x1f" * before, "\x1f" * (9 - before), "q", 10) for before in range(10)]
    with pytest.raises(TooManySeriesError):
        quota.take("t", keys, 0)


def test_a_count_that_could_not_be_written_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = SeriesQuota(5)
    quota.take("t", [SeriesKey("A", "", "", "", "", "q", 10)], 0)
    (tmp_path / f".{NAME}.abc.unfinished").write_bytes(b"left by a kill")
    file = SeriesCountFile(tmp_path, quota, every_s=3600)
    file.read()
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as full:
        full.setattr(series_count_file, "whole_file", lambda _: (_ for _ in ()).throw(OSError("no room")))
        file._write()
    file.start()
    file.close()
    assert (tmp_path / NAME).exists()


def test_a_preview_compares_with_the_changes_that_are_nearest_in_time() -> None:
    known = [change(f"C-{day}", planned_start=day_of(day), planned_end=day_of(day, 2)) for day in range(1, 29)]
    asked = change("X", planned_start=day_of(14, 1), planned_end=day_of(14, 3))
    principal = Principal("", "", Role.TRIAGE)
    rules = planning_rules(ChangesParameters(), CorrelationParameters())
    everything = preview(known, principal, asked, rules, NOW, 100)
    assert everything["conflicts"]
    assert preview(known, principal, asked, rules, NOW, 5)["conflicts"] == everything["conflicts"]
