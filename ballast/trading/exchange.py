"""Fund what is needed in some currencies from what is left over in others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ballast.money import CENT, ZERO, ceil_to_multiple, divide, floor_to_multiple, multiply
from ballast.trading.costs import Costs

# Proceeds are rounded to cents by whoever fills the exchange; one cent more keeps the target whole.
_ROUNDING_MARGIN = CENT


@dataclass(frozen=True)
class Exchange:
    """An exchange of currency: `from_amount` leaves, at least `to_amount` arrives, the fee is in the currency left."""

    from_currency: str
    to_currency: str
    from_amount: Decimal
    to_amount: Decimal
    rate: Decimal
    fee: Decimal

    @property
    def pair(self) -> str:
        """Name of the pair, FROM/TO."""
        return f"{self.from_currency}/{self.to_currency}"


@dataclass(frozen=True)
class Funding:
    """The exchanges that cover shortfalls, what each currency holds afterwards, and what stays uncovered."""

    exchanges: tuple[Exchange, ...]
    balances: dict[str, Decimal]
    uncovered: dict[str, Decimal]


def fund(
    balances: Mapping[str, Decimal], costs: Costs, base_currency: str, blocked_pairs: frozenset[str]
) -> Funding:
    """Cover negative balances from positive ones, the largest shortfall first.

    Parameters
    ----------
    balances : mapping of str to Decimal
        Balance per currency after everything else has been paid.
    costs : Costs
        Fees and rates; amount_to = amount_from × rate(from, to).
    base_currency : str
        Used first as a source, then the largest balance; partial sources are combined.
    blocked_pairs : frozenset of str
        FROM/TO pairs with an open order; never ordered a second time.

    Returns
    -------
    Funding
        No balance that was positive becomes negative.
    """
    rates = costs.rates
    left = dict(balances)
    exchanges: list[Exchange] = []
    short = sorted(
        (currency for currency, balance in left.items() if balance < ZERO),
        key=lambda currency: (rates.convert(left[currency], currency, base_currency), currency),
    )
    for target in short:
        for source in _sources(left, costs, base_currency, target):
            if left[target] >= ZERO:
                break
            if f"{source}/{target}" in blocked_pairs:
                continue
            exchange = _exchange(source, target, left[source], -left[target], costs)
            if exchange is None:
                continue
            exchanges.append(exchange)
            left[source] -= exchange.from_amount + exchange.fee
            left[target] += exchange.to_amount
    uncovered = {currency: -balance for currency, balance in left.items() if balance < ZERO}
    return Funding(tuple(exchanges), left, uncovered)


def _sources(
    left: Mapping[str, Decimal], costs: Costs, base_currency: str, target: str
) -> list[str]:
    candidates = [
        currency for currency, balance in left.items() if balance > ZERO and currency != target
    ]
    return sorted(
        candidates,
        key=lambda currency: (
            currency != base_currency,
            -costs.rates.convert(left[currency], currency, base_currency),
            currency,
        ),
    )


def _exchange(
    source: str, target: str, available: Decimal, shortfall: Decimal, costs: Costs
) -> Exchange | None:
    rate = costs.rates.rate(source, target)
    wanted = ceil_to_multiple(divide(shortfall + _ROUNDING_MARGIN, rate), CENT)
    affordable = floor_to_multiple(
        divide(available, Decimal(1) + costs.settings.exchange_percent), CENT
    )
    amount = min(wanted, affordable)
    while amount > ZERO and amount + costs.exchange_fee(amount) > available:
        amount -= CENT
    arriving = floor_to_multiple(multiply(amount, rate), CENT)
    if amount <= ZERO or arriving <= ZERO:
        return None
    return Exchange(source, target, amount, arriving, rate, costs.exchange_fee(amount))
