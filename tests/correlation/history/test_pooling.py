import numpy as np

from correlation.history.pooling import numbered, numbered_users, pooled
from tests.correlation.builders import series

SERIES = (series("SUP-2"), series("SUP-1"), series("SUP-2", service="1.1.1"))


def test_each_group_is_the_sum_of_its_series_in_every_window():
    values = np.array([[0.1, 1.0, 0.2], [0.3, 2.0, 0.4]])
    assert pooled(values, np.array([1, 0, 1])).tolist() == [[1.0, 0.1 + 0.2], [2.0, 0.3 + 0.4]]


def test_groups_without_a_series_are_zero():
    assert pooled(np.array([[5.0]]), np.array([1]), size=3).tolist() == [[0.0, 5.0, 0.0]]


def test_names_are_numbered_by_appearance_and_users_in_order():
    assert numbered(["b", "a", "b"]).tolist() == [0, 1, 0]
    names, groups = numbered_users(SERIES)
    assert (names, groups.tolist()) == (["SUP-1", "SUP-2"], [1, 0, 1])
