"""Mergers, changes of symbol and spin-offs: open lots of one security become, or bring, lots of another.

Each new lot keeps the day on which the old one was acquired. What leaves takes its whole basis along; a spin-off takes
the share that the company tells, and while it has not told one, the basis of what came is unknown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.books.lots.matching import NO_LOTS
from ballast.money import ZERO, scale

_Row = dict[str, Any]


def converted(lots: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """Apply one conversion to the open lots.

    Parameters
    ----------
    lots : pl.DataFrame
        Open lots as `match` returns them.
    legs : pl.DataFrame
        Rows of `lot_events` of one transaction: what arrives, and, except for a spin-off, what leaves.

    Returns
    -------
    pl.DataFrame
        The open lots afterwards. What nothing is known of arrives as a lot with unknown basis.
    """
    # Only what arrives has a share of the basis; without one it is what adds to a long position.
    arriving = max(
        legs.iter_rows(named=True),
        key=lambda leg: (leg["basis_share"] is not None, leg["quantity"] > ZERO),
    )
    leaving = next(
        (leg for leg in legs.iter_rows(named=True) if leg["posting_id"] != arriving["posting_id"]),
        None,
    )
    in_account = pl.col("account_id") == arriving["account_id"]
    source = arriving["concerns"] if leaving is None else leaving["symbol"]
    is_source = in_account & (pl.col("symbol") == source)
    is_target = in_account & (pl.col("symbol") == arriving["symbol"])
    sources = list(lots.filter(is_source).iter_rows(named=True))
    held = _held(sources)
    gone = ZERO if leaving is None else -leaving["quantity"]
    kept: list[_Row] = sources
    new: list[_Row] = []
    arrives = arriving["quantity"]
    if held * arrives <= ZERO or held * gone < ZERO or abs(gone) > abs(held):
        # More leaves than is known, or the other side of the market: nothing connects the two.
        new = _unknown(arriving, arrives)
        kept = sources if leaving is None else _unknown(leaving, held - gone)
    else:
        quantities = proportional(arrives, [lot["quantity"] for lot in sources], held)
        leaves = proportional(gone, [lot["quantity"] for lot in sources], held)
        kept = []
        for lot, quantity, left in zip(sources, quantities, leaves, strict=True):
            rest, moved = _divide(lot, left, arriving)
            if rest["quantity"] != ZERO:
                kept.append(rest)
            if quantity != ZERO:
                new.append(_follower(lot, arriving, quantity, moved))
    others = lots.filter(~is_source)
    before = _held(others.filter(is_target).iter_rows(named=True))
    if before * arrives < ZERO:
        # It meets a position of the other side; which of its units it closes is not known.
        others = others.filter(~is_target)
        new = _unknown(arriving, before + arrives)
    return pl.concat([others, pl.DataFrame([*kept, *new], schema=NO_LOTS.schema)])


def _held(lots: Iterable[_Row]) -> Decimal:
    return sum((lot["quantity"] for lot in lots), ZERO)


def proportional(total: Decimal, weights: list[Decimal], weight_sum: Decimal) -> Iterator[Decimal]:
    """Split a total so that the parts add up exactly."""
    for weight in weights:
        part = total if weight == weight_sum else scale(total, weight, weight_sum)
        total -= part
        weight_sum -= weight
        yield part


def _divide(lot: _Row, left: Decimal, arriving: _Row) -> tuple[_Row, Decimal | None]:
    """Return what stays of a lot, and the amount that moves on."""
    amount, share = lot["amount"], arriving["basis_share"]
    if amount is None:
        return lot | {"quantity": lot["quantity"] - left}, None
    if arriving["kind"] == "spin_off":
        moved = None if share is None else scale(amount, share, Decimal(1))
        return lot | {"amount": amount - (moved or ZERO)}, moved
    moved = amount if left == lot["quantity"] else scale(amount, left, lot["quantity"])
    return lot | {"quantity": lot["quantity"] - left, "amount": amount - moved}, moved


def _follower(lot: _Row, arriving: _Row, quantity: Decimal, amount: Decimal | None) -> _Row:
    name = f"{arriving['posting_id']}|{lot['lot_id']}"
    return lot | {
        "symbol": arriving["symbol"],
        "lot_id": hashlib.sha256(name.encode()).hexdigest()[:32],
        "opened_at": arriving["occurred_at"],
        "origin": "unknown" if amount is None else "converted",
        "quantity_acquired": quantity,
        "quantity": quantity,
        "amount": amount,
    }


def _unknown(leg: _Row, quantity: Decimal) -> list[_Row]:
    """Return a position of which nothing is known as a lot, or none if it is empty."""
    lot = {
        "account_id": leg["account_id"],
        "symbol": leg["symbol"],
        "lot_id": leg["posting_id"],
        "acquired_on": leg["traded_on"],
        "opened_at": leg["occurred_at"],
        "currency": None,
        "origin": "unknown",
        "quantity_acquired": quantity,
        "quantity": quantity,
        "amount": None,
    }
    return [lot] if quantity != ZERO else []
