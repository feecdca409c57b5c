from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.search import ProblemError
from ballast.planning.search.enumeration import all_sets, count_sets


@given(st.lists(st.integers(0, 6), max_size=9), st.integers(1, 5))
def test_all_sets_are_those_of_itertools(securities: list[int], depth: int) -> None:
    expected = [
        trades
        for size in range(depth + 1)
        for trades in itertools.combinations(range(len(securities)), size)
        if len({securities[trade] for trade in trades}) == size
    ]
    sets = all_sets(np.array(securities, dtype=np.int64), depth)
    assert [tuple(row[row >= 0].tolist()) for row in sets] == expected
    assert count_sets(np.array(securities, dtype=np.int64), depth) == len(expected) - 1


@pytest.mark.parametrize(("candidates", "sets"), [(15, 4_943), (25, 68_405), (60, 5_985_197)])
def test_the_number_of_sets_is_that_of_the_binomial_coefficients(
    candidates: int, sets: int
) -> None:
    assert count_sets(np.arange(candidates), 5) == sets
    assert sum(math.comb(candidates, size) for size in range(1, 6)) == sets


def test_more_sets_than_can_be_listed_are_refused() -> None:
    with pytest.raises(ProblemError, match="too many to list"):
        all_sets(np.arange(60), 5)
