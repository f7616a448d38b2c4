"""How many messages to people the demo's day makes for the desk's default preferences.

`python -m benchmarks.messages` prints each subject, then the number of messages (a minute). `--seeds 5` tries other days.
"""

import argparse
import json

from benchmarks.campaign import run
from service.notify.wording import Item, subject
from tests.service.post import CHAT, Post


def main() -> None:
    """One line a message, and one a day."""
    ask = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    ask.add_argument("--first", type=int, default=1, help="the first seed; 1 is the demo's day")
    ask.add_argument("--seeds", type=int, default=1, help="how many days")
    ask.add_argument("--users", type=int, default=60)
    asked = ask.parse_args()
    for seed in range(asked.first, asked.first + asked.seeds):
        alerts = run("day", seed, asked.users).alerts
        post = Post(CHAT)
        post.live_through(alerts)
        for parcel in post.sent:
            print("  ", subject([Item(one.topic, json.loads(one.body)["data"]) for one in parcel]))
        names = {one.alert_id for one in alerts}
        print(f"day {seed}: {len(alerts)} revisions of {len(names)} alerts made {post.parcels} messages", flush=True)


if __name__ == "__main__":
    main()
