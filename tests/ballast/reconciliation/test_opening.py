"""The price of an opening that nobody saw, solved from what the broker reports after later fills."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.reconciliation.opening import average_after, solve_affine, solve_opening
from tests.ballast.builders import D

whole = st.integers(1, 500).map(Decimal)
prices = st.integers(1, 50_000).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def long_windows(draw: st.DrawFn) -> tuple[Decimal, Decimal, list[tuple[Decimal, Decimal]]]:
    """An unseen opening and fills that never go through zero, partial closes among them."""
    units, price = draw(whole), draw(prices)
    held, fills = units, []
    for _ in range(draw(st.integers(1, 8))):
        if draw(st.booleans()) and held > 1:
            sold = Decimal(draw(st.integers(1, int(held) - 1)))
            fills.append((-sold, draw(prices)))
            held -= sold
        else:
            bought = draw(whole)
            fills.append((bought, draw(prices)))
            held += bought
    return units, price, fills


def appended_price(
    fills: list[tuple[Decimal, Decimal]], quantity: Decimal, average: Fraction
) -> Fraction:
    """Price the unseen units as if they had come last: the usual rule, which is wrong after partial closes."""
    seen, value = average_after((D(0), Fraction(0)), fills)
    return (Fraction(quantity) * average - value) / (Fraction(quantity) - seen)


def test_the_counter_example_is_solved_where_the_usual_rule_fails() -> None:
    fills = [(D(20), D(52)), (D(-7), D(137))]
    quantity, value = average_after((D(16), Fraction(62)), fills)
    average = value / quantity
    assert (quantity, round(average, 3)) == (29, Fraction(56444, 1000))
    assert solve_opening(fills, D(29), average) == 62
    wrong = appended_price(fills, D(29), average)
    assert round(wrong, 3) == Fraction(60056, 1000)
    after, worth = average_after((D(16), wrong), fills)
    assert round(worth / after, 3) == Fraction(55580, 1000)


@given(long_windows())
def test_the_solved_opening_reproduces_the_average_of_every_window(
    window: tuple[Decimal, Decimal, list[tuple[Decimal, Decimal]]],
) -> None:
    units, price, fills = window
    quantity, value = average_after((units, Fraction(price)), fills)
    solved = solve_opening(fills, Decimal(int(quantity)), value / quantity)
    assert solved == Fraction(price)
    assert average_after((units, solved), fills) == (quantity, value)


@given(long_windows())
def test_a_short_window_is_the_mirror_of_a_long_one(
    window: tuple[Decimal, Decimal, list[tuple[Decimal, Decimal]]],
) -> None:
    units, price, fills = window
    quantity, value = average_after((units, Fraction(price)), fills)
    mirrored = [(-sold, at) for sold, at in fills]
    assert average_after((-units, Fraction(price)), mirrored) == (-quantity, -value)
    assert solve_opening(mirrored, Decimal(-int(quantity)), value / quantity) == Fraction(price)


@given(st.lists(st.tuples(whole, prices), min_size=1, max_size=6), whole, prices)
def test_without_closes_the_solved_price_is_that_of_the_usual_rule(
    fills: list[tuple[Decimal, Decimal]], units: Decimal, price: Decimal
) -> None:
    quantity, value = average_after((units, Fraction(price)), fills)
    solved = solve_opening(fills, Decimal(int(quantity)), value / quantity)
    assert solved == appended_price(fills, Decimal(int(quantity)), value / quantity)


@pytest.mark.parametrize(
    ("fills", "quantity", "average", "why"),
    [
        ([(D(10), D(5))], D(10), D(5), "nothing was unseen"),
        ([(D(-20), D(9))], D(-10), D(9), "a flip leaves nothing of the opening"),
        ([(D(10), D(50))], D(20), D(10), "only a negative price would fit"),
    ],
)
def test_no_price_is_made_up(
    fills: list[tuple[Decimal, Decimal]], quantity: Decimal, average: Decimal, why: str
) -> None:
    assert solve_opening(fills, quantity, average) is None, why


@given(st.fractions(-9, 9), st.fractions(-9, 9).filter(bool), st.fractions(-9, 9))
def test_two_evaluations_give_the_line(offset: Fraction, slope: Fraction, at: Fraction) -> None:
    assert solve_affine(lambda x: offset + slope * x, offset + slope * at, Fraction(7)) == at
    assert solve_affine(lambda _: offset, at, Fraction(7)) is None
