from correlation.grading.incident_category import CategoryInputs, categorise
from correlation.parameters import CategoryParameters
from correlation.snapshots import IncidentSnapshot
from models.times import MINUTE_US
from tests.correlation.past import ONSET, case, episode


def reason(of: IncidentSnapshot) -> str:
    return categorise(CategoryInputs(of, 50, "warning", False, {}), CategoryParameters()).reason


def test_a_depth_in_the_reason_states_the_time_of_its_figure():
    waiting = episode("backlog", minutes=20, evidence={"depth": 504_600.0})
    assert ONSET % (60 * MINUTE_US) == 0
    assert reason(case(waiting)).startswith("504,600 messages wait for one User at ")
    assert ":20 UTC." in reason(case(waiting))


def test_an_age_in_the_reason_states_the_time_of_its_figure():
    waiting = episode("backlog", minutes=20, evidence={"oldest_age_s": 7200.0})
    assert ":20 UTC, and 1 other User is affected." in reason(case(waiting, affected=("USER-01",)))


def test_a_process_is_named_in_words_and_not_by_its_id():
    extent = CategoryInputs(case(episode("storm")), 50, "warning", False, {"install_and_commission": [f"USER-{n:02}" for n in range(20)]})
    assert categorise(extent, CategoryParameters()).reason == "20 other Users can't carry out install & commission as usual."
