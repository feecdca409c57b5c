"""Whether two statements of one account tell the same about the days that both cover.

Identifiers are made of facts, so a row that was changed between two downloads would enter the books a second time.
Cash may be booked for a day long after it: a statement that ends later may have more of it, but never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ballast.books.broker_events import (
    BrokerEvent,
    Cancellation,
    CashMovement,
    ExchangeFill,
    Fill,
    moment_of,
)
from ballast.books.statements.cells import BROKER_ZONE, local_day
from ballast.books.statements.model import Statement
from ballast.books.statements.statement_error import StatementError, masked

# From this hour on trades count for the next session, so that only one of two statements may have them.
_NEXT_SESSION = 20


def contradictions(earlier: Statement, later: Statement) -> list[BrokerEvent]:
    """Return what only one of two statements of an account has although both cover its day."""
    first, last = _common_days(earlier, later)
    if earlier.broker_account != later.broker_account or first > last:
        return []
    trades = _only_in_one(_trades(earlier, first, last), _trades(later, first, last))
    shorter, longer = sorted((earlier, later), key=lambda each: each.last_day)
    in_shorter, in_longer = _cash(shorter, first, last), _cash(longer, first, last)
    if shorter.last_day == longer.last_day:
        return [*trades, *_only_in_one(in_shorter, in_longer)]
    return [*trades, *(event for key, event in in_shorter.items() if key not in in_longer)]


def require_agreement(statement: Statement, earlier: Iterable[Statement]) -> None:
    """Refuse a statement that contradicts, or repeats in another format, what was imported before.

    Raises
    ------
    StatementError
        Naming the other file, the day and the first trade concerned.
    """
    where = f"{statement.file_name}, account {masked(statement.broker_account)}"
    for other in earlier:
        if other.broker_account != statement.broker_account:
            continue
        first, last = _common_days(statement, other)
        if first <= last and other.format != statement.format:
            raise StatementError(
                f"the days from {first} to {last} are in the books from {other.file_name} in another format",
                where=where,
                remedy="Use one format per account and day: identifiers differ between the formats.",
            )
        found = contradictions(other, statement)
        if found:
            day = local_day(moment_of(found[0]))
            raise StatementError(
                f"{len(found)} rows are not the same in {other.file_name}; the first is of {day}: {_name(found[0])}",
                where=where,
                remedy="Download both statements again; if they still differ, ask the broker which one is right.",
            )


def _common_days(one: Statement, other: Statement) -> tuple[date, date]:
    return max(one.first_day, other.first_day), min(one.last_day, other.last_day)


def _only_in_one(one: dict[str, BrokerEvent], other: dict[str, BrokerEvent]) -> list[BrokerEvent]:
    return [
        *(event for key, event in one.items() if key not in other),
        *(event for key, event in other.items() if key not in one),
    ]


def _cash(statement: Statement, first: date, last: date) -> dict[str, BrokerEvent]:
    return {
        event.movement_id: event
        for event in statement.events
        if isinstance(event, CashMovement) and first <= local_day(moment_of(event)) <= last
    }


def _trades(statement: Statement, first: date, last: date) -> dict[str, BrokerEvent]:
    found: dict[str, BrokerEvent] = {}
    for event in statement.events:
        local = moment_of(event).astimezone(BROKER_ZONE)
        is_compared = first <= local.date() <= last and local.hour < _NEXT_SESSION
        match event:
            case Fill(kind=kind) if is_compared and kind != "cash_in_lieu":
                found[f"{event.fill_id} {event}"] = event
            case ExchangeFill() if is_compared:
                found[f"{event.fill_id} {event}"] = event
            case Cancellation() if is_compared:
                found[f"{event.event_id} {event}"] = event
            case _:
                continue
    return found


def _name(event: BrokerEvent) -> str:
    match event:
        case Fill():
            return f"{event.quantity} {event.symbol} at {event.price}"
        case ExchangeFill():
            return f"{event.from_amount} {event.from_currency} for {event.to_amount} {event.to_currency}"
        case Cancellation():
            return f"cancellation of {_name(event.cancels)}"
        case CashMovement():
            return f"{event.kind} of {event.amount} {event.currency}"
        case _:
            return type(event).__name__
