"""A User whose loss began at no User is not sent to look for it on its own side, and learns nothing of the others."""

from tests.correlation.builders import Trouble, World, run, series

USERS = tuple(f"SUP-{number:02}" for number in range(1, 7))
KEYS = tuple(key for user in USERS for key in (series(user), series(user, "to_dsp", "service_request", "8.1.1")))


def test_a_loss_that_began_at_no_user_is_not_looked_for_on_the_reader_s_side() -> None:
    lost = tuple(Trouble("silence", series(user), 5) for user in USERS)
    records = run(World(KEYS, lost), range(20))
    (incident,) = records.events()
    assert incident.origin_user is None
    for user in USERS:
        copy = records.copies(user)[-1]
        assert "No fault on your side is known: seen over the whole service, it began elsewhere." in copy.next_step
        assert not any(other in f"{copy.next_step} {copy.summary}" for other in ("other Users", *USERS) if other != user)


def test_a_user_that_is_alone_is_asked_what_changed_on_its_side() -> None:
    records = run(World(KEYS, (Trouble("silence", series(USERS[0]), 5),)), range(20))
    assert "on your side" in records.copies(USERS[0])[-1].next_step
