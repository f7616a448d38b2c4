"""A User whose trouble others have too is not sent to look for it on its own side, and learns nothing else of the others."""

from tests.correlation.builders import Trouble, World, run, series

USERS = tuple(f"SUP-{number:02}" for number in range(1, 7))
KEYS = tuple(key for user in USERS for key in (series(user), series(user, "to_dsp", "service_request", "8.1.1")))


def test_a_copy_says_that_others_have_the_same_trouble_and_names_none() -> None:
    lost = tuple(Trouble("silence", series(user), 5) for user in USERS)
    records = run(World(KEYS, lost), range(20))
    (incident,) = records.events()
    assert incident.origin_user is None
    for user in USERS:
        copy = records.copies(user)[-1]
        assert "No fault on your side is known: other Users have the same trouble" in copy.next_step
        assert "other Users have the same trouble" in copy.summary
        assert not any(other in f"{copy.next_step} {copy.summary}" for other in USERS if other != user)


def test_a_user_that_is_alone_is_asked_what_changed_on_its_side() -> None:
    records = run(World(KEYS, (Trouble("silence", series(USERS[0]), 5),)), range(20))
    assert "on your side" in records.copies(USERS[0])[-1].next_step
    assert "other Users" not in records.copies(USERS[0])[-1].summary
