"""What a statement's own figures add up to in base currency, as far as it gives the rates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ballast.books.statements.model import Statement
from ballast.money import CENT, ZERO

# Rates have at least five decimals; how many more were cut off is not told, so half of the fifth may be missing.
_RATE_PRECISION = Decimal("0.000005")
_CASH = "Cash"
_POSITION_CLASSES = frozenset(
    {
        "Stock", "Stocks", "Options", "Bonds", "Funds", "Mutual Funds", "Warrants", "Bills",
        "Treasury Bills", "Structured Products", "Crypto", "Cryptocurrency", "Metals",
        "Commodities", "Futures Options", "Notes",
    }
)  # fmt: skip


@dataclass(frozen=True)
class BaseAmount:
    """A sum in base currency and how far the digits of the rates may lead it astray."""

    amount: Decimal
    tolerance: Decimal


def has_no_positions(statement: Statement) -> bool:
    """Tell whether the statement says that nothing but cash is held."""
    value = statement.net_asset_value
    if value is None or value.total is None:
        return False
    return not any(amount for name, amount in value.classes if name in _POSITION_CLASSES)


def cash_in_base(statement: Statement) -> BaseAmount | str:
    """Return the ending cash of all currencies in base currency, or why it cannot be told."""
    return _in_base(statement, ((each.currency, each.ending) for each in statement.cash or ()))


def total_value(statement: Statement) -> BaseAmount | str:
    """Return positions, cash and accruals in base currency, or why they cannot be told."""
    value = statement.net_asset_value
    if value is None or statement.cash_in_base is None:
        return "the statement has no section 'Cash Report'"
    if statement.positions is None and not has_no_positions(statement):
        return "the statement has no section 'Open Positions'"
    unvalued = [each.symbol for each in statement.positions or () if each.value is None]
    if unvalued:
        return f"the position in {unvalued[0]} has no value"
    positions = _in_base(
        statement, ((each.currency, each.value or ZERO) for each in statement.positions or ())
    )
    if isinstance(positions, str):
        return positions
    other = sum(
        (amount for name, amount in value.classes if name not in {_CASH, *_POSITION_CLASSES}), ZERO
    )
    total = positions.amount + statement.cash_in_base.ending + other
    return BaseAmount(total, positions.tolerance)


def _in_base(statement: Statement, amounts: Iterable[tuple[str, Decimal]]) -> BaseAmount | str:
    rates = {each.currency: each.rate for each in statement.exchange_rates or ()}
    total, tolerance = ZERO, CENT
    for currency, amount in amounts:
        if currency == statement.base_currency:
            total += amount
        elif currency not in rates:
            return f"the statement gives no exchange rate for {currency}"
        else:
            total += amount * rates[currency]
            tolerance += abs(amount) * _RATE_PRECISION
    return BaseAmount(total, tolerance)
