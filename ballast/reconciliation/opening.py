"""The price of an opening that nobody saw, solved from the broker's average after the fills that came later.

The value that remains is affine in the price of the opening as long as the quantities are fixed: what is sold takes a
share of it, whatever it cost. So two evaluations give the line, and the line gives the price exactly. To price the
opening as if it were appended at the end is right only where nothing was closed in between.

Source: derived here; the counter-example to the usual rule is 16 @ 62 unseen, then 20 bought @ 52 and 7 sold @ 137,
which leaves an average of 56.444…: the usual rule opens at 60.056 and ends at 55.580.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

Fills = Sequence[tuple[Decimal, Decimal]]


def average_after(opening: tuple[Decimal, Fraction], fills: Fills) -> tuple[Fraction, Fraction]:
    """Return quantity and value of a position at average cost after some fills.

    Parameters
    ----------
    opening : tuple of Decimal and Fraction
        Signed quantity and price.
    fills : sequence of (Decimal, Decimal)
        Signed quantity and price, in order. A fill that goes through zero leaves a position at its own price.
    """
    quantity = Fraction(opening[0])
    value = quantity * opening[1]
    for units, price in fills:
        after = quantity + Fraction(units)
        if quantity * Fraction(units) >= 0:
            value += Fraction(units) * Fraction(price)
        elif after * quantity >= 0:
            value *= after / quantity
        else:
            value = after * Fraction(price)
        quantity = after
    return quantity, value


def solve_opening(
    fills: Fills, broker_quantity: Decimal, broker_average: Decimal | Fraction
) -> Fraction | None:
    """Return the price at which the unseen quantity must have been opened.

    Parameters
    ----------
    fills : sequence of (Decimal, Decimal)
        Signed quantities and prices that are known, in order.
    broker_quantity, broker_average : Decimal
        What the broker reports after them.

    Returns
    -------
    Fraction or None
        Exact; None where nothing was opened unseen, or no positive price gives the broker's average (as after a fill
        that went through zero, which leaves nothing of the opening).
    """
    unseen = broker_quantity - sum((units for units, _ in fills), Decimal(0))
    if unseen == 0:
        return None

    def value(price: Fraction) -> Fraction:
        return average_after((unseen, price), fills)[1]

    price = solve_affine(value, Fraction(broker_quantity) * Fraction(broker_average), Fraction(1))
    return price if price is not None and price > 0 else None


def solve_affine(
    value: Callable[[Fraction], Fraction], wanted: Fraction, step: Fraction
) -> Fraction | None:
    """Return where an affine function takes a value; None if it is constant.

    Parameters
    ----------
    step : Fraction
        Distance of the two evaluations: large where the function rounds.
    """
    first, second = value(step), value(2 * step)
    if first == second:
        return None
    return step + step * (wanted - first) / (second - first)
