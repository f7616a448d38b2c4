"""Recorded events with bad ones among them: each is left out alone, with its place and reason."""

import json
from pathlib import Path

from tests.highwater.test_replay import highwater
from tests.service.builders import lines, queue

BAD = (b'{"kind":"traffic","user":1}\n', b'{"kind":"queue","depth":9223372036854775807}\n', b"\xff\xfe\n")


def test_bad_events_are_left_out_alone_in_replay_learn_and_backtest(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(lines(queue(10 * number)) + bad for number, bad in enumerate(BAD, 1)) + lines(queue(100)))
    done = highwater("replay", events, "--out", tmp_path / "out", "--json")
    assert (done.returncode, json.loads(done.stdout)["accepted"]) == (0, 4), done.stderr
    letters = [json.loads(line) for line in (tmp_path / "out" / "rejected.ndjson").read_text().splitlines()]
    assert [(letter["position"]["line"], bool(letter["reason"])) for letter in letters] == [(2, True), (4, True), (6, True)]
    learned = highwater("learn", events, "--out", tmp_path / "state", "--json")
    assert {"events": 4, "rejected": 3}.items() <= json.loads(learned.stdout).items(), learned.stderr
    tried = highwater("backtest", events, "--budgets", "1", "--json")
    assert {"events": 4, "rejected": 3}.items() <= json.loads(tried.stdout).items(), tried.stderr
