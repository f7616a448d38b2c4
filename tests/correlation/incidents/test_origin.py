"""Where an incident began: a storm may be what the others suffer from, or no more than their asking again."""

from correlation.incidents.origin import origin
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot
from models.columns import SeriesKey
from models.times import MINUTE_US
from tests.correlation.builders import Trouble, World, run
from tests.correlation.builders import series as rate
from tests.correlation.past import ONSET, USERS, episode

SMALL, *OTHERS = USERS


def storm(after: int = 0, peak: float = 700.0, expected: float = 10.0) -> AlertSnapshot:
    """A storm at a User whose usual traffic is small."""
    return episode("storm", SMALL, onset_us=ONSET + after * MINUTE_US, peak=peak, expected=expected)


def loss(user: str, lost: float = 1200.0, after: int = 1) -> AlertSnapshot:
    return episode("drop", user, onset_us=ONSET + after * MINUTE_US, peak=100.0, expected=100.0 + lost)


def began_at(*episodes: AlertSnapshot) -> str | None:
    return origin(episodes, CorrelationParameters())


def test_a_small_users_storm_is_what_began_it_however_much_more_the_others_lose() -> None:
    assert began_at(storm(), loss(SMALL, 80.0), *(loss(user) for user in OTHERS)) == SMALL


def test_of_several_users_that_lose_something_nobody_is_the_place_where_it_began() -> None:
    first = episode("drop", SMALL, detected_us=ONSET + 2 * MINUTE_US)
    assert began_at(first) == SMALL
    assert began_at(first, episode("drop", OTHERS[0], detected_us=ONSET + 3 * MINUTE_US)) is None


def test_one_loss_that_is_estimated_too_early_does_not_move_the_beginning() -> None:
    assert began_at(storm(), loss(OTHERS[0], after=-3), *(loss(user) for user in OTHERS[1:])) == SMALL


def test_of_many_users_a_tenth_may_be_estimated_too_early() -> None:
    """Failures that were there before for another reason seem to have begun long ago."""
    crowd = [episode("failures", f"SMALL-{number:02}", onset_us=ONSET + MINUTE_US) for number in range(40)]
    early = [episode("failures", f"EARLY-{number}", onset_us=ONSET - 8 * MINUTE_US) for number in range(4)]
    assert began_at(storm(), *crowd, *early) == SMALL
    assert began_at(storm(), *crowd[:4], *early) is None


def test_a_storm_of_no_more_than_its_own_user_lost_may_be_retries() -> None:
    assert began_at(storm(), loss(SMALL, 1200.0), *(loss(user) for user in OTHERS)) is None


def test_a_storm_that_came_after_losses_larger_than_itself_did_not_cause_them() -> None:
    assert began_at(storm(after=2), *(loss(user, after=0) for user in OTHERS)) is None


def test_a_storm_larger_than_any_loss_is_what_began_it_though_the_losses_seem_to_be_older() -> None:
    assert began_at(storm(after=2, peak=4000.0), *(loss(user, after=0) for user in OTHERS)) == SMALL


LOST = tuple(rate(user, service="4.8.1", region="south") for user in USERS[:3])
OWN = rate(USERS[3], service="2.2", region="south")
WELL = tuple(rate(user, service="2.2", region="north") for user in USERS[4:])


def drop(key: SeriesKey) -> Trouble:
    return Trouble("drop", key, 5, observed=2)


def test_a_region_lost_for_several_is_lost_for_whom_only_other_regions_could_be_compared_with() -> None:
    records = run(World((*LOST, OWN, *WELL), tuple(drop(key) for key in (*LOST, OWN))), range(20))
    (incident,) = records.events()
    assert incident.origin_user is None
    assert USERS[3] in incident.affected_users


def test_some_lose_all_and_some_nearly_all_to_the_same_cause() -> None:
    """Three Users of a region, none of whom can be compared with another there, lost it in the same minute."""
    own = [rate(user, service=service, region="south") for user, service in zip(USERS[:3], ("2.2", "4.8.1", "4.6.1"), strict=True)]
    well = [key._replace(user=user, region="north") for key in own for user in USERS[4:]]
    lost = (drop(own[0]), drop(own[1]), Trouble("silence", own[2], 5))
    (incident,) = run(World((*own, *well), lost), range(20)).events()
    assert (incident.origin_user, incident.affected_users) == (None, USERS[:3])


def test_whom_other_regions_show_to_be_alone_does_not_share_the_cause_of_a_region_it_is_not_in() -> None:
    elsewhere = rate(USERS[3], service="2.2", region="central")
    records = run(World((*LOST, elsewhere, *WELL), tuple(drop(key) for key in (*LOST, elsewhere))), range(20))
    assert sorted(incident.origin_user or "" for incident in records.events()) == ["", USERS[3]]
