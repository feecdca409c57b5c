"""From statements to the books: what an account begins with, and what contradicts what is known already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

from ballast.books.broker_events import (
    BrokerEvent,
    Cancellation,
    CashMovement,
    Fill,
    TransferEvent,
    moment_of,
    symbols_of,
)
from ballast.books.statements import Statement, StatementError, closing_quantities
from ballast.books.statements.cells import BROKER_ZONE
from ballast.books.statements.effects import cash_changes, quantity_changes
from ballast.books.statements.trade_events import BOOKED_CATEGORIES
from ballast.money import CENT, ZERO

SOURCE = "ibkr"
_NEXT_SESSION = time(20)
_LONGEST_SYMBOL = 64


def start_of(statement: Statement) -> datetime:
    """Return the moment before which nothing in a statement moved units.

    Trades of the evening before its first day belong to it, and a corporate action may be booked late.
    """
    evening = datetime.combine(
        statement.first_day - timedelta(days=1), _NEXT_SESSION, tzinfo=BROKER_ZONE
    )
    moved = [moment_of(event) for event in statement.events if quantity_changes([event])]
    return min([evening.astimezone(UTC), *moved])


def require_distinct_names(
    statement: Statement, configured: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Refuse a statement with one name for two things: the books tell securities and currencies apart by name.

    Parameters
    ----------
    configured : mapping of str to str
        Currency by symbol of the securities in the portfolio file.

    Raises
    ------
    StatementError
        Naming the security that is called like a currency of the account, or that has a second currency.
    """
    changes, closing = quantity_changes(statement.events), closing_quantities(statement) or {}
    cash = {balance.currency for balance in statement.cash or ()}
    currencies = {statement.base_currency, *cash_changes(statement.events), *cash}
    for symbol in sorted({*changes, *closing} & currencies):
        raise StatementError(
            f"the security {symbol} has the name of a currency in the same account",
            where=statement.file_name,
            remedy="It cannot be booked: keep the account out of Ballast while it holds this security.",
        )
    known = dict(configured)
    stated = [(e.symbol, e.currency) for e in statement.events if isinstance(e, Fill)]
    stated += [(position.symbol, position.currency) for position in statement.positions or ()]
    for symbol, currency in stated:
        if known.setdefault(symbol, currency) != currency:
            raise StatementError(
                f"the security {symbol} is in {currency} and in {known[symbol]}",
                where=statement.file_name,
                remedy="If the portfolio file means another security, give that one another symbol.",
            )


def require_bookable_names(statement: Statement) -> None:
    """Refuse a statement with a symbol that is longer than any: a row of it was misread."""
    moved = {symbol for event in statement.events for symbol in symbols_of(event)}
    held = {position.symbol for position in statement.positions or ()}
    described = {instrument.symbol for instrument in statement.instruments or ()}
    for symbol in sorted(moved | held | described):
        if len(symbol) > _LONGEST_SYMBOL:
            raise StatementError(
                f"the symbol {symbol[:_LONGEST_SYMBOL]}... has {len(symbol)} characters",
                where=statement.file_name,
                remedy="Download the statement again; if the symbol stays, ask the broker about it.",
            )


def opening_events(statement: Statement) -> list[BrokerEvent]:
    """Return what the account held before its first statement, as transfers and deposits at its start.

    The basis of what was held is known where the position and its basis did not change during the period and the
    statement tells it; otherwise it is unknown until an earlier statement is imported. What the books do not keep
    (futures) is not opened either.

    Raises
    ------
    StatementError
        If the statement does not tell what was held at its end, or with what cash it began.
    """
    closing = closing_quantities(statement)
    if closing is None or statement.cash is None:
        missing = "Open Positions" if closing is None else "Cash Report"
        raise StatementError(
            f"the first statement of an account needs the section {missing!r}",
            where=statement.file_name,
            remedy="Download it with all sections, so that it is known what the account began with.",
        )
    changes = quantity_changes(statement.events)
    positions = {position.symbol: position for position in statement.positions or ()}
    repaid = {
        event.symbol
        for event in statement.events
        if isinstance(event, CashMovement) and event.kind == "return_of_capital"
    }
    at = start_of(statement)
    events: list[BrokerEvent] = []
    for symbol in sorted(set(closing) | set(changes)):
        quantity = closing.get(symbol, ZERO) - changes.get(symbol, ZERO)
        position = positions.get(symbol)
        is_booked = position is None or position.asset_category in BOOKED_CATEGORIES
        if quantity == ZERO or not is_booked:
            continue
        did_not_move = symbol not in changes and symbol not in repaid
        basis = position.cost_basis if position is not None and did_not_move else None
        events.append(
            TransferEvent(
                event_id=f"opening:{statement.first_day}:{symbol}",
                account_id=statement.account_id,
                symbol=symbol,
                quantity=quantity,
                occurred_at=at,
                cost_basis=None if basis is None else abs(basis),
                currency=None if position is None else position.currency,
                description="Held before the first statement",
            )
        )
    events += [
        CashMovement(
            movement_id=f"opening:{statement.first_day}:{balance.currency}",
            account_id=statement.account_id,
            kind="deposit" if balance.starting > ZERO else "withdrawal",
            currency=balance.currency,
            amount=balance.starting,
            occurred_at=at,
            description="Balance before the first statement",
        )
        for balance in statement.cash
        if balance.starting != ZERO
    ]
    return events


def closing_the_opening(first: Statement) -> list[BrokerEvent]:
    """Return the events that take back an opening, because an earlier statement tells how it came about."""
    return [
        Cancellation(
            event_id=f"opening:{first.first_day}:{number}",
            cancels=event,  # type: ignore[arg-type]
            occurred_at=start_of(first),
        )
        for number, event in enumerate(opening_events(first))
    ]


def require_continuity(statement: Statement, previous: Statement) -> None:
    """Refuse a statement that does not begin with the cash that the statement before it ended with.

    Quantities are compared by the identities, which know the movements in between.
    """
    if statement.first_day <= previous.last_day or statement.cash is None or previous.cash is None:
        return
    ended = {balance.currency: balance.ending for balance in previous.cash}
    began = {balance.currency: balance.starting for balance in statement.cash}
    for currency in sorted(set(ended) | set(began)):
        before, after = ended.get(currency, ZERO), began.get(currency, ZERO)
        if abs(before - after) > CENT:
            raise StatementError(
                f"the statement begins with {after} {currency}, but the one that ends on {previous.last_day} left"
                f" {before}: a statement between them is missing",
                where=statement.file_name,
                remedy=f"Add the statement of the days from {previous.last_day} to {statement.first_day}.",
            )
