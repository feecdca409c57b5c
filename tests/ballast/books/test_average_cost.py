"""Average cost against a book kept in fractions, which splits every trade into what it closes and what it opens."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ballast.books.average_cost import Change, Holding, hold
from tests.ballast.builders import D, arithmetic

quantities = st.one_of(
    st.integers(1, 500).map(Decimal), st.decimals("0.5", 500, places=4, allow_nan=False)
)
prices = st.decimals("0.01", 5000, places=6)
fees = st.decimals(0, 20, places=2)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["buy", "sell", "halve", "close", "flip", "split", "reverse_split", "unknown"]
        ),
        quantities,
        prices,
        fees,
    ),
    max_size=12,
)


def changes_of(history: list[tuple[str, Decimal, Decimal, Decimal]]) -> list[Change]:
    """Make changes of steps, of which some depend on what is held by then."""
    held, changes = D(0), []
    for step, quantity, price, fee in history:
        change = {
            "buy": Change(quantity, price, fee),
            "sell": Change(-quantity, price, fee),
            "halve": Change(-(held / 2).quantize(D("0.0001")), price, fee),
            "close": Change(-held, price, fee),
            "flip": Change(-held - (quantity if held > 0 else -quantity), price, fee),
            "split": Change(held * 2, None, is_split=True),
            "reverse_split": Change(-(held / 2).quantize(D("0.0001")), None, is_split=True),
            "unknown": Change(quantity if held >= 0 else -quantity, None),
        }[step]
        if change.quantity != 0:
            changes.append(change)
            held += change.quantity
    return changes


def oracle(changes: list[Change]) -> tuple[Fraction, Fraction | None]:
    """Return quantity and basis in fractions; None is an unknown basis."""
    held: Fraction = Fraction(0)
    basis: Fraction | None = Fraction(0)
    for change in changes:
        moved = Fraction(change.quantity)
        if change.is_split:
            held += moved
            continue
        closing = Fraction(0)
        if held * moved < 0:
            closing = -held if abs(moved) > abs(held) else moved
            basis = None if basis is None else basis * (held + closing) / held
            held += closing
        if held == 0:
            basis = Fraction(0)
        opening = moved - closing
        if opening != 0:
            held += opening
            if change.price is None or basis is None:
                basis = None
            else:
                fee = Fraction(change.fee) * abs(opening / moved)
                basis += opening * Fraction(change.price) + fee
    return held, basis


@arithmetic
@given(steps)
def test_any_history_has_the_basis_that_fractions_give_it(history: list) -> None:
    changes = changes_of(history)
    held, basis = oracle(changes)
    holding = hold(changes)
    assert Fraction(holding.quantity) == held
    if basis is None:
        assert holding.basis is None
    else:
        # Half a unit for each of at most three roundings per change; later changes never enlarge them.
        assert abs(Fraction(holding.basis) - basis) <= Fraction(15, 10**9) * max(1, len(changes))


@arithmetic
@given(steps)
def test_a_basis_is_zero_only_when_nothing_is_held(history: list) -> None:
    free_of_charge = [replace(change, fee=D(0)) for change in changes_of(history)]
    holding = hold(free_of_charge)
    assert (holding.basis == 0) == (holding.quantity == 0)


@arithmetic
@given(steps)
def test_a_short_history_is_the_mirror_of_the_long_one(history: list) -> None:
    changes = changes_of(history)
    mirrored = [replace(change, quantity=-change.quantity, fee=-change.fee) for change in changes]
    one, other = hold(changes), hold(mirrored)
    assert other.quantity == -one.quantity
    assert other.basis == (None if one.basis is None else -one.basis)
    assert other.average == one.average


@arithmetic
@given(steps, st.integers(2, 9))
def test_a_partial_close_keeps_the_average_of_what_remains(history: list, parts: int) -> None:
    changes = changes_of(history)
    before = hold(changes)
    sold = (before.quantity / parts).quantize(D("0.00000001"))
    assume(before.average is not None and abs(before.quantity - sold) >= 1)
    after = hold([*changes, Change(-sold, D("777"), D("5"))])
    assert abs(after.average - before.average) <= D("0.00000002")


@arithmetic
@given(steps, st.sampled_from([D("0.5"), D(1), D(6)]))
def test_a_split_keeps_the_basis_and_divides_the_average(history: list, added: Decimal) -> None:
    changes = changes_of(history)
    before = hold(changes)
    after = hold([*changes, Change(before.quantity * added, None, is_split=True)])
    assert after.basis == before.basis
    if before.average is not None:
        assert abs(after.average * (1 + added) - before.average) <= D("0.00000008")


def test_the_average_contains_the_fee_of_a_purchase() -> None:
    assert hold([Change(D(10), D(100), D(2))]) == Holding(D(10), D(1002))
    assert hold([Change(D(10), D(100), D(2))]).average == D("100.2")


def test_the_fee_of_a_short_sale_lowers_its_proceeds() -> None:
    assert hold([Change(D(-10), D(100), D(2))]) == Holding(D(-10), D(-998))


def test_the_fee_of_a_sale_is_no_part_of_what_remains() -> None:
    assert hold([Change(D(10), D(100)), Change(D(-4), D(150), D(9))]).basis == D(600)


def test_a_flip_opens_the_remainder_at_the_fill_price_with_its_share_of_the_fee() -> None:
    holding = hold([Change(D(10), D(100)), Change(D(-15), D(120), D(3))])
    assert holding == Holding(D(-5), D(-599))


def test_buying_twice_averages_by_quantity() -> None:
    assert hold([Change(D(10), D(100)), Change(D(30), D(200))]).average == D(175)


def test_a_flat_position_has_no_average_and_forgets_its_past() -> None:
    flat = [Change(D(10), D(100)), Change(D(-10), D(90))]
    assert hold(flat) == Holding(D(0), D(0))
    assert hold(flat).average is None
    assert hold([*flat, Change(D(1), D(50))]).average == D(50)


def test_an_arrival_without_price_makes_the_whole_basis_unknown() -> None:
    holding = hold([Change(D(10), D(100)), Change(D(5), None)])
    assert holding == Holding(D(15), None)
    assert holding.average is None


@pytest.mark.parametrize("later", [Change(D(5), D(100)), Change(D(-3), D(100))])
def test_an_unknown_basis_stays_unknown_while_the_position_is_open(later: Change) -> None:
    assert hold([Change(D(10), None), later]).basis is None


def test_a_basis_becomes_known_again_once_the_position_passes_through_zero() -> None:
    assert hold([Change(D(10), None), Change(D(-15), D(80))]) == Holding(D(-5), D(-400))


def test_shares_from_a_split_of_an_unknown_position_have_an_unknown_basis() -> None:
    assert hold([Change(D(10), None, is_split=True)]) == Holding(D(10), None)


def test_a_split_that_would_turn_a_position_over_leaves_its_basis_unknown() -> None:
    contradictory = [Change(D(10), D(100)), Change(D(-15), None, is_split=True)]
    assert hold(contradictory) == Holding(D(-5), None)


@pytest.mark.parametrize(
    "nothing", [Change(D(0), None), Change(D(0), D(5), D(1)), Change(D(0), None, is_split=True)]
)
def test_a_change_of_nothing_changes_nothing(nothing: Change) -> None:
    bought = Change(D(10), D(100))
    assert hold([bought, nothing]) == hold([bought])
    assert hold([nothing]) == Holding()
