"""Both sides of a reconciliation, from short lists of facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from ballast.reconciliation.compare import reconcile
from ballast.settings import ReconciliationSettings
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerPositions,
    Positions,
    Reconciliation,
)
from tests.ballast.builders import D, Row, day, table

SESSION = day(0)


def holding(account: str, symbol: str, quantity: str, price: str | None = None) -> Row:
    """Return a position as a broker reports it."""
    average = None if price is None else D(price)
    return {
        "account_id": account, "symbol": symbol, "quantity": D(quantity), "average_price": average,
        "currency": "USD",
    }  # fmt: skip


def balance(account: str, currency: str, amount: str) -> Row:
    return {"account_id": account, "currency": currency, "balance": D(amount)}


def answer(account: str = "a", equity: str | None = None, **more: Any) -> Row:
    """Return the answer of a broker that could be asked."""
    return {
        "account_id": account, "broker": "test", "is_available": True, "asked_as_of": SESSION,
        "equity": None if equity is None else D(equity),
    } | more  # fmt: skip


def silence(account: str, detail: str | None = None) -> Row:
    """Return the answer of a broker that could not be asked."""
    return answer(account, is_available=False, detail=detail)


def report(
    books: Sequence[Row] = (),
    holdings: Sequence[Row] = (),
    balances: Sequence[Row] = (),
    answers: Sequence[Row] | None = None,
    fills: dict[str, datetime] | None = None,
    session: date = SESSION,
    **tolerances: str,
) -> pl.DataFrame:
    """Reconcile; without `answers`, account `a` answered completely."""
    settings = ReconciliationSettings(**{name: D(value) for name, value in tolerances.items()})
    found = reconcile(
        table(Positions, books),
        table(BrokerPositions, holdings),
        table(BrokerBalances, balances),
        table(BrokerAccounts, [answer()] if answers is None else answers),
        fills or {},
        settings,
        session,
    )
    return Reconciliation.validate(found)


def outcomes(found: pl.DataFrame, account: str = "a") -> dict[tuple[str, str], str]:
    """Return the outcome of every item and field of an account."""
    rows = found.filter(account_id=account).select("item", "field", "outcome").iter_rows()
    return {(item, field): outcome for item, field, outcome in rows}
