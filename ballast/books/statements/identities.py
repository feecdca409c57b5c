"""The arithmetic that a statement has to satisfy before any of it enters the books.

What cannot be checked says why; it never counts as right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ballast.books.statements.effects import cash_changes, quantity_changes
from ballast.books.statements.model import CashBalance, StatedTrade, Statement
from ballast.books.statements.statement_error import StatementError, masked
from ballast.books.statements.trade_events import (
    BOOKED_CATEGORIES,
    NOT_BOOKED,
    OPTIONS,
    STOCKS,
)
from ballast.books.statements.valuation import cash_in_base, has_no_positions, total_value
from ballast.money import CENT, ZERO

QUANTITY_TOLERANCE = Decimal("0.0001")
# Exercise and assignment carry a premium over to the other security, so that their rows do not add up by themselves.
_MOVES_PREMIUM = frozenset({"A", "Ex"})
_WASH_SALE = "LD"


@dataclass(frozen=True)
class Identity:
    """One sum of a statement.

    Parameters
    ----------
    subject : str
        Currency, security or section.
    holds : bool or None
        None where it cannot be checked; then `not_checkable` says why.
    """

    name: str
    subject: str
    expected: Decimal | None
    found: Decimal | None
    tolerance: Decimal
    holds: bool | None
    not_checkable: str | None = None

    @property
    def difference(self) -> Decimal | None:
        """What was found beyond what was expected."""
        if self.expected is None or self.found is None:
            return None
        return self.found - self.expected


def identities(
    statement: Statement, previous: Mapping[str, Decimal] | None = None
) -> list[Identity]:
    """Check all sums of a statement.

    Parameters
    ----------
    previous : mapping of str to Decimal, optional
        Closing quantity by symbol of the preceding statement; None where it is not known.
    """
    return [
        *_change_in_nav(statement),
        *_cash_in_base(statement),
        *_value(statement),
        *_totals(statement),
        *_lots(statement),
        *_quantities(statement, previous),
        *_realised(statement),
        *_cash_report(statement),
        *_cash_movements(statement),
    ]


def require_identities(
    statement: Statement, previous: Mapping[str, Decimal] | None = None
) -> list[Identity]:
    """Return all sums of a statement, or refuse it as a whole if one does not hold."""
    results = identities(statement, previous)
    broken = [result for result in results if result.holds is False]
    if broken:
        first = broken[0]
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise StatementError(
            f"{first.name} does not hold for {first.subject}: {first.found} was found where {first.expected} was "
            f"expected, a difference of {first.difference}{more}",
            where=f"{statement.file_name}, account {masked(statement.broker_account)}",
            remedy="Download the statement again; if the difference stays, ask the broker about it.",
        )
    return results


def closing_quantities(statement: Statement) -> dict[str, Decimal] | None:
    """Return what was held at the end, by symbol; None where the statement does not tell."""
    if statement.positions is None:
        return {} if has_no_positions(statement) else None
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for position in statement.positions:
        held[position.symbol] += position.quantity
    return dict(held)


def _compared(
    name: str, subject: str, expected: Decimal, found: Decimal, tolerance: Decimal = CENT
) -> Identity:
    holds = abs(found - expected) <= tolerance
    return Identity(name, subject, expected, found, tolerance, holds)


def _open(name: str, subject: str, why: str) -> Identity:
    return Identity(name, subject, None, None, ZERO, None, why)


def _absent(name: str, section: str) -> list[Identity]:
    return [_open(name, section, f"the statement has no section {section!r}")]


def _change_in_nav(statement: Statement) -> list[Identity]:
    name, change = "change in NAV adds up", statement.change_in_nav
    if change is None:
        return _absent(name, "Change in NAV")
    found = change.starting + sum((amount for _, amount in change.components), ZERO)
    return [_compared(name, statement.base_currency, change.ending, found)]


def _cash_in_base(statement: Statement) -> list[Identity]:
    name, base = "cash of all currencies is the base summary", statement.cash_in_base
    if statement.cash is None or base is None:
        return _absent(name, "Cash Report")
    total = cash_in_base(statement)
    if isinstance(total, str):
        return [_open(name, statement.base_currency, total)]
    return [_compared(name, statement.base_currency, base.ending, total.amount, total.tolerance)]


def _value(statement: Statement) -> list[Identity]:
    name, value = "positions, cash and accruals are the NAV", statement.net_asset_value
    if value is None or value.total is None:
        return _absent(name, "Net Asset Value")
    total = total_value(statement)
    if isinstance(total, str):
        return [_open(name, statement.base_currency, total)]
    return [_compared(name, statement.base_currency, value.total, total.amount, total.tolerance)]


def _totals(statement: Statement) -> list[Identity]:
    name = "totals are the sums of their rows"
    if not statement.totals:
        return [_open(name, "all sections", "the statement states no totals")]
    return [
        _compared(name, f"{each.section} {each.subject} {each.measure}", each.stated, each.summed)
        for each in statement.totals
    ]


def _lots(statement: Statement) -> Iterator[Identity]:
    name = "lots add up to their position"
    if statement.open_lots is None or statement.positions is None:
        yield _open(name, "Open Positions", "the statement lists no lots")
        return
    quantities: dict[str, Decimal] = defaultdict(lambda: ZERO)
    bases: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for lot in statement.open_lots:
        quantities[lot.symbol] += lot.quantity
        bases[lot.symbol] += lot.cost_basis
    for position in statement.positions:
        symbol = position.symbol
        expected, found = position.quantity, quantities.pop(symbol, ZERO)
        yield _compared(name, f"{symbol} quantity", expected, found, QUANTITY_TOLERANCE)
        if position.cost_basis is None:
            yield _open(name, f"{symbol} basis", "the position states no basis")
        else:
            yield _compared(name, f"{symbol} basis", position.cost_basis, bases[symbol])
    for symbol, quantity in quantities.items():
        yield _compared(name, f"{symbol} quantity", ZERO, quantity, QUANTITY_TOLERANCE)


def _quantities(statement: Statement, previous: Mapping[str, Decimal] | None) -> Iterator[Identity]:
    name = "closing quantity follows from movements"
    closing = closing_quantities(statement)
    if previous is None:
        yield _open(name, "all securities", "the preceding statement is not known")
        return
    if closing is None:
        yield from _absent(name, "Open Positions")
        return
    changes = quantity_changes(statement.events)
    not_booked = {
        position.symbol
        for position in statement.positions or ()
        if position.asset_category not in BOOKED_CATEGORIES
    }
    for symbol in sorted({*closing, *changes, *previous}):
        if symbol in not_booked:
            yield _open(name, symbol, "its asset category is not booked")
            continue
        expected = closing.get(symbol, ZERO)
        found = previous.get(symbol, ZERO) + changes.get(symbol, ZERO)
        yield _compared(name, symbol, expected, found, QUANTITY_TOLERANCE)


def _realised(statement: Statement) -> Iterator[Identity]:
    """Check each trade and report the worst of each security."""
    name = "proceeds, fee and basis are the realised gain"
    by_symbol: dict[str, list[Identity]] = defaultdict(list)
    for trade in statement.trades:
        by_symbol[trade.symbol].append(_realised_of(name, trade))
    if not by_symbol:
        yield _open(name, "Trades", "the statement has no trades")
    for results in by_symbol.values():
        checked = [result for result in results if result.holds is not None]
        yield max(checked, key=lambda each: abs(each.difference or ZERO)) if checked else results[0]


def _realised_of(name: str, trade: StatedTrade) -> Identity:
    if trade.asset_category not in {STOCKS, OPTIONS}:
        return _open(name, trade.symbol, "only stocks and options state what they realised")
    if trade.basis is None or trade.realised is None:
        return _open(name, trade.symbol, "the trade states no basis or no gain")
    if _WASH_SALE in trade.codes:
        return _open(name, trade.symbol, "a part of the loss is disallowed as a wash sale")
    if not _MOVES_PREMIUM.isdisjoint(trade.codes):
        return _open(name, trade.symbol, "the premium went over to the other security")
    found = trade.proceeds + trade.fee + trade.basis
    return _compared(name, trade.symbol, trade.realised, found)


def _cash_report(statement: Statement) -> list[Identity]:
    name = "cash report adds up"
    if statement.cash is None:
        return _absent(name, "Cash Report")
    blocks: Iterable[CashBalance] = (
        *statement.cash,
        *([statement.cash_in_base] if statement.cash_in_base else []),
    )
    results = []
    for block in blocks:
        found = block.starting + sum((amount for _, amount in block.movements), ZERO)
        results.append(_compared(name, block.currency, block.ending, found))
    return results or [_open(name, "Cash Report", "the section is empty")]


def _cash_movements(statement: Statement) -> list[Identity]:
    name = "cash follows from movements"
    if statement.cash is None:
        return _absent(name, "Cash Report")
    if any(row.rule == NOT_BOOKED for row in statement.quarantined):
        return [_open(name, "all currencies", "the statement has trades that are not booked")]
    stated = {block.currency: block.ending - block.starting for block in statement.cash}
    found = cash_changes(statement.events)
    if not stated and not found:
        return [_open(name, "all currencies", "the statement has no cash")]
    return [
        _compared(name, currency, stated.get(currency, ZERO), found.get(currency, ZERO))
        for currency in sorted({*stated, *found})
    ]
