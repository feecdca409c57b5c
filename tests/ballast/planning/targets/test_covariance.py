"""Shared returns and their covariance: nothing is filled, short histories are left out, shrunk like scikit-learn."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.covariance import ledoit_wolf

from ballast.planning.targets.covariance import (
    SharedReturns,
    correlation_of,
    high_correlations,
    shared_returns,
    shrunk_covariance,
)
from tests.ballast.planning.targets.cases import FIRST, levels, random_returns


def shared(
    table: pl.DataFrame, lookback: int = 365, minimum: int = 60, cost: float = 1.0
) -> SharedReturns:
    return shared_returns(
        table, lookback=lookback, minimum=minimum, most_lost=cost, sessions_per_year=252
    )


@pytest.mark.parametrize(("n", "observations"), [(1, 60), (2, 61), (5, 300), (40, 100), (120, 60)])
def test_the_covariance_is_shrunk_as_by_scikit_learn(n: int, observations: int) -> None:
    returns = random_returns(n, observations, seed=n)
    covariance, shrinkage = shrunk_covariance(returns)
    expected, amount = ledoit_wolf(returns)
    np.testing.assert_allclose(covariance, expected, rtol=1e-9, atol=1e-18)
    if n > 1:  # One variance is its own target.
        assert shrinkage == pytest.approx(amount, rel=1e-9, abs=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_returns_are_those_between_sessions_that_all_share() -> None:
    table = levels(np.array([[0.1, 0.2], [0.1, 0.2], [-0.5, 0.0]]), ["A", "B"])
    holiday = FIRST + timedelta(days=2)
    found = shared(
        table.filter((pl.col("symbol") != "B") | (pl.col("session") != holiday)), minimum=1
    )
    np.testing.assert_allclose(found.values, [[0.1, 0.2], [1.1 * 0.5 - 1, 0.2]])


def test_an_unknown_level_is_no_level() -> None:
    table = levels(np.full((4, 2), 0.01), ["A", "B"]).with_columns(
        level=pl.when((pl.col("symbol") == "A") & (pl.col("session") == FIRST + timedelta(days=1)))
        .then(None)
        .otherwise("level")
    )
    found = shared(table, minimum=1)
    np.testing.assert_allclose(found.values[0], [1.01**2 - 1] * 2)


def test_a_young_listing_is_left_out_and_shortens_nobody() -> None:
    returns = random_returns(3, 200, 0)
    young = levels(returns, ["A", "B", "C"]).filter(
        (pl.col("symbol") != "C") | (pl.col("session") > FIRST + timedelta(days=150))
    )
    found = shared(young)
    assert found.symbols == ("A", "B")
    assert found.left_out == {"C": "49 returns are known, 60 are needed"}
    np.testing.assert_allclose(found.values, returns[:, :2], atol=1e-12)


_DAYS = [FIRST + timedelta(days=number) for number in range(451)]


@pytest.mark.parametrize(
    "sparse",
    [
        [day for number, day in enumerate(_DAYS) if number < 130 or number > 440],
        _DAYS[::7],
        _DAYS[:70] + [FIRST + timedelta(days=number) for number in range(460, 480)],
    ],
    ids=["suspended", "every seventh session", "other days"],
)
@pytest.mark.parametrize("name", ["A", "E"])
def test_who_shares_too_little_goes_and_not_the_others(sparse: list[date], name: str) -> None:
    table = levels(random_returns(5, 450, 1), list("ABCDE"))
    own = levels(random_returns(1, 500, 2), [name]).filter(pl.col("session").is_in(sparse))
    found = shared(pl.concat([table.filter(pl.col("symbol") != name), own]))
    assert list(found.left_out) == [name]
    assert "shares only" in found.left_out[name]
    assert len(found.values) == 365


def test_two_that_were_suspended_together_go_although_neither_alone_frees_a_session() -> None:
    returns = random_returns(5, 450, 3)
    gap = pl.col("session").is_between(_DAYS[100], _DAYS[440])
    holidays = pl.col("session").is_in(_DAYS[420:440:3])
    table = levels(returns, list("ABCDE")).filter(
        ~(gap & pl.col("symbol").is_in(["C", "D"])) & ~(holidays & (pl.col("symbol") == "A"))
    )
    assert list(shared(table).left_out) == ["C", "D"]


def test_of_two_that_free_as_many_sessions_the_first_by_name_goes() -> None:
    days = [FIRST + timedelta(days=number) for number in range(200)]
    parts = {"B": days[:101], "A": days[99:]}
    table = pl.concat(
        levels(random_returns(1, 199, seed), [name]).filter(pl.col("session").is_in(own))
        for seed, (name, own) in enumerate(parts.items())
    )
    assert list(shared(table).left_out) == ["A"]


def test_a_price_that_never_moves_has_no_risk_to_estimate() -> None:
    returns = random_returns(2, 100, 3)
    returns[:, 1] = 0.0
    found = shared(levels(returns, ["A", "B"]))
    assert found.left_out == {"B": "its price never moves"}


def test_only_the_newest_returns_count() -> None:
    returns = random_returns(2, 300, 4)
    found = shared(levels(returns, ["A", "B"]), lookback=100)
    np.testing.assert_allclose(found.values, returns[-100:], atol=1e-12)


def test_the_rows_may_come_in_any_order() -> None:
    table = levels(random_returns(4, 120, 5), ["A", "B", "C", "D"])
    here, there = shared(table), shared(table.sample(fraction=1.0, shuffle=True, seed=3))
    assert here.symbols == there.symbols
    assert here.values.tobytes() == there.values.tobytes()


def test_a_year_has_its_sessions_and_fewer_spans_where_holidays_are_left_out() -> None:
    table = levels(random_returns(2, 200, 6), ["A", "B"])
    assert shared(table).spans_per_year == pytest.approx(252)
    every_tenth = pl.col("session").dt.ordinal_day() % 10 == 0
    with_holidays = table.filter((pl.col("symbol") == "A") | ~every_tenth)
    found = shared(with_holidays)
    # The variance of a year is the same, whether its returns are taken together or not.
    assert 220 < found.spans_per_year < 245


@pytest.mark.parametrize("step", [3, 5])
@pytest.mark.parametrize("name", ["A", "B"])
def test_a_year_has_fewer_spans_where_one_trades_less_often(step: int, name: str) -> None:
    """Spans of several sessions are as many a year as fit into it, whatever the other trades between them."""
    table = levels(random_returns(2, 360, 6), ["A", "B"])
    sparse = [FIRST + timedelta(days=number) for number in range(0, 361, step)]
    found = shared(table.filter((pl.col("symbol") != name) | pl.col("session").is_in(sparse)))
    assert found.spans_per_year == pytest.approx(252 / step, rel=0.01)


def test_volatility_per_year_does_not_depend_on_how_often_the_other_trades() -> None:
    table = levels(random_returns(2, 365, 8), ["A", "B"])
    sparse = [FIRST + timedelta(days=number) for number in range(0, 366, 3)]
    volatility = []
    for days in (sparse, table["session"].unique().to_list()):
        found = shared(table.filter((pl.col("symbol") == "A") | pl.col("session").is_in(days)))
        volatility.append(found.values[:, 0].std() * np.sqrt(found.spans_per_year))
    assert volatility[0] == pytest.approx(volatility[1], rel=0.10)


def test_what_is_left_out_may_say_how_many_sessions_there_were() -> None:
    """Two that trade weekly alone know no better than that each of their sessions is one of the year's."""
    table = levels(random_returns(3, 400, 9), ["A", "B", "C"])
    sparse = [FIRST + timedelta(days=number) for number in range(0, 401, 5)]
    few = pl.col("session").is_in(sparse) | (pl.col("symbol") == "C")
    still = pl.when(pl.col("symbol") == "C").then(1.0).otherwise("level")
    found = shared(table.filter(few).with_columns(level=still))
    assert found.symbols == ("A", "B")
    assert found.spans_per_year == pytest.approx(252 / 5, rel=0.01)


def test_holidays_of_two_exchanges_are_no_more_sessions_of_a_year() -> None:
    table = levels(random_returns(2, 364, 6), ["A", "B"])
    day_of = pl.col("session").dt.ordinal_day() % 50
    mine = ~((pl.col("symbol") == "A") & (day_of == 10)) & ~(
        (pl.col("symbol") == "B") & (day_of == 20)
    )
    found = shared(table.filter(mine))
    # 357 of 364 sessions each, 350 of them shared.
    assert found.spans_per_year == pytest.approx(252 * 350 / 357, rel=0.005)


def test_a_young_listing_that_costs_too_much_of_the_history_is_left_out() -> None:
    young = levels(random_returns(3, 400, 0), ["A", "B", "C"]).filter(
        (pl.col("symbol") != "C") | (pl.col("session") > FIRST + timedelta(days=400 - 101))
    )
    found = shared(young, cost=0.5)
    assert found.symbols == ("A", "B")
    assert found.left_out == {"C": "leaves only 100 of 365 returns, no more than 50% may be lost"}
    kept = shared(young, cost=0.8)
    assert kept.symbols == ("A", "B", "C")
    assert (len(kept.values), kept.shortened_by) == (100, ("C", 265))


def test_nobody_shortens_what_all_share() -> None:
    found = shared(levels(random_returns(3, 400, 0), ["A", "B", "C"]))
    assert found.shortened_by is None


def test_nothing_is_shared_by_nobody() -> None:
    found = shared(levels(random_returns(2, 10, 7), ["A", "B"]))
    assert found.symbols == ()
    assert sorted(found.left_out) == ["A", "B"]


def test_pairs_are_listed_the_strongest_first_whatever_their_sign() -> None:
    correlation = np.array([[1.0, 0.81, -0.95], [0.81, 1.0, 0.7996], [-0.95, 0.7996, 1.0]])
    assert high_correlations(("A", "B", "C"), correlation, 0.8) == [
        ("A", "C", -0.95), ("A", "B", 0.81), ("B", "C", 0.8),
    ]  # fmt: skip


def test_a_correlation_is_one_with_itself() -> None:
    correlation = correlation_of(shrunk_covariance(random_returns(6, 100, 8))[0])
    assert np.diag(correlation).tolist() == [1.0] * 6
    assert np.abs(correlation).max() <= 1.0
