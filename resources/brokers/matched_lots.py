"""Lots that were matched by our own engine, in the shape in which brokers report theirs."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

import polars as pl

from ballast.books.broker_events import BrokerEvent
from ballast.books.lots.book import match_postings
from ballast.books.postings import postings_of
from ballast.money import divide
from ballast.settings import LotMethod
from resources.brokers.protocol import BrokerLot

# Simulated events bear their hour in UTC, which is a day on any exchange in use.
_ANY_EXCHANGE = ""


def open_lots(
    account_id: str,
    events: Iterable[BrokerEvent],
    method: LotMethod,
    symbols: Iterable[str],
    source: str,
) -> pl.DataFrame:
    """Return what is open after events, as `Matched.lots`.

    Parameters
    ----------
    symbols : iterable of str
        The securities of interest; others are left out.
    source : str
        Name of the broker: trades of one moment are used up in the order of the ids that the books give them.
    """
    return _open_lots(account_id, tuple(events), method, tuple(sorted(symbols)), source)


# Positions and lots of an account are asked one after the other.
@lru_cache(maxsize=4)
def _open_lots(
    account_id: str,
    events: tuple[BrokerEvent, ...],
    method: LotMethod,
    symbols: tuple[str, ...],
    source: str,
) -> pl.DataFrame:
    postings = postings_of(events, source=source)
    exchanges = dict.fromkeys(symbols, _ANY_EXCHANGE)
    return match_postings(postings, exchanges, {account_id: method}).lots


def broker_lots(lots: pl.DataFrame) -> list[BrokerLot]:
    """Return lots by symbol, oldest first; a basis is signed like its units, and None when unknown."""
    ordered = lots.sort("symbol", "acquired_on", "opened_at", "lot_id")
    rows = ordered.select("symbol", "acquired_on", "quantity", "currency", "amount")
    return [
        BrokerLot(
            symbol,
            acquired_on,
            quantity,
            currency or "",
            None if amount is None else amount.copy_sign(quantity),
        )
        for symbol, acquired_on, quantity, currency, amount in rows.iter_rows()
    ]


def average_prices(lots: pl.DataFrame) -> dict[str, Decimal | None]:
    """Return the average cost per symbol; None where the basis of a lot is unknown or in another currency."""
    amount = pl.col("amount")
    is_known = amount.is_not_null().all() & (pl.col("currency").n_unique() == 1)
    sums = lots.group_by("symbol").agg(
        pl.when(is_known).then(amount.sum()), pl.col("quantity").sum().abs()
    )
    return {
        symbol: None if total is None else divide(total, quantity)
        for symbol, total, quantity in sums.iter_rows()
    }
