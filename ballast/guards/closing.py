"""Which positions an acting guard closes: one close per account, episode and position, however often it is decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from ballast.guards.states import ACCOUNT
from ballast.money import ZERO, floor_to_multiple


@dataclass(frozen=True)
class Holding:
    """A position as the broker reports it, signed; `lot_size` is None for a security that we may not trade."""

    symbol: str
    quantity: Decimal
    lot_size: Decimal | None
    has_usable_price: bool


@dataclass(frozen=True)
class Close:
    """One position to close.

    Parameters
    ----------
    close_id : str
        Derived from account, episode and security: the same in every run, and after every failure.
    side : str
        `sell`, or `buy` for a short position.
    quantity : Decimal
        In whole lots.
    why_not : str, optional
        Why it cannot be ordered now; it is looked at again in the next run.
    """

    close_id: str
    account_id: str
    guard: str
    episode: str
    symbol: str
    side: str
    quantity: Decimal
    reason: str
    why_not: str | None = None


@dataclass(frozen=True)
class Acting:
    """A guard that acts on an account or on one of its securities."""

    account_id: str
    guard: str
    subject: str
    episode: str
    explanation: str


def acting_guards(status: pl.DataFrame) -> list[Acting]:
    """Return the guards that ask for positions to be closed; those of whole accounts before those of securities.

    Parameters
    ----------
    status : pl.DataFrame
        `GuardStatus`.
    """
    rows = status.filter(pl.col("state") == "act").sort(
        "account_id", pl.col("subject") != ACCOUNT, "guard", "subject"
    )
    fields = ("account_id", "guard", "subject", "episode", "explanation")
    return [Acting(**row) for row in rows.select(fields).iter_rows(named=True)]


def closes(
    acting: Iterable[Acting], holdings: Iterable[Holding], busy: Collection[str] = ()
) -> list[Close]:
    """Return what to close in one account, each position once.

    Parameters
    ----------
    acting : iterable of Acting
        Guards of this account. Of several that ask for the same position the first has it.
    busy : collection of str
        Securities with an order that may still be filled; closing them now could sell twice.
    """
    guards = list(acting)
    found = []
    for holding in sorted(holdings, key=lambda held: held.symbol):
        wanted = [guard for guard in guards if guard.subject in {ACCOUNT, holding.symbol}]
        if not wanted or holding.quantity == ZERO:
            continue
        guard = wanted[0]
        size = abs(holding.quantity)
        quantity = floor_to_multiple(size, holding.lot_size) if holding.lot_size else size
        found.append(
            Close(
                close_id=close_id(guard, holding.symbol),
                account_id=guard.account_id,
                guard=guard.guard,
                episode=guard.episode,
                symbol=holding.symbol,
                side="sell" if holding.quantity > ZERO else "buy",
                quantity=quantity,
                reason=f"{guard.guard}: {guard.explanation}",
                why_not=_why_not(holding, quantity, busy),
            )
        )
    return found


def close_id(guard: Acting, symbol: str) -> str:
    """Derive the id of a close from what it is for."""
    return f"{guard.account_id}.{guard.episode}.{symbol}"


def attempt_id(close: str, attempt: int) -> str:
    """Return the client order id of an attempt, from 1; only a refusal leads to the next one."""
    return f"{close}.{attempt}"


def close_of(client_order_id: str) -> str:
    """Return the close that an attempt belongs to."""
    return client_order_id.rpartition(".")[0]


def _why_not(holding: Holding, quantity: Decimal, busy: Collection[str]) -> str | None:
    cases = (
        (holding.lot_size is None, "it may not be traded by us: close it at the broker"),
        (quantity == ZERO, "less than one lot is held"),
        (not holding.has_usable_price, "its price is unknown or too old"),
        (holding.symbol in busy, "another order in it may still be filled"),
    )
    return next((reason for is_so, reason in cases if is_so), None)
