"""Both sides of a reconciliation, from short lists of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from ballast.reconciliation.compare import compare
from ballast.settings import ReconciliationSettings
from ballast.tables import (
    BrokerAccounts,
    BrokerBalances,
    BrokerLots,
    BrokerPositions,
    Comparison,
    InFlight,
    Positions,
    TaxLots,
)
from tests.ballast.builders import D, Row, at, day, table

SESSION = day(0)


def holding(account: str, symbol: str, quantity: str, price: str | None = None, **more: Any) -> Row:
    """Return a position as a broker reports it."""
    average = None if price is None else D(price)
    return {
        "account_id": account, "symbol": symbol, "quantity": D(quantity), "average_price": average,
        "currency": "USD", "cost_basis": None,
    } | more  # fmt: skip


def balance(account: str, currency: str, amount: str) -> Row:
    return {"account_id": account, "currency": currency, "balance": D(amount)}


def answer(account: str = "a", equity: str | None = None, **more: Any) -> Row:
    """Return the answer of a broker that could be asked."""
    return {
        "account_id": account, "broker": "test", "is_available": True, "asked_as_of": SESSION,
        "equity": None if equity is None else D(equity), "reports_lots": False, "asked_at": at(0, 22),
    } | more  # fmt: skip


def silence(account: str, detail: str | None = None) -> Row:
    """Return the answer of a broker that could not be asked."""
    return answer(account, is_available=False, detail=detail)


def moving(account: str, item: str, reason: str = "order 1") -> Row:
    """Return an execution that one side may not know yet."""
    return {"account_id": account, "item": item, "reason": reason}


def lot(quantity: str, basis: str | None, symbol: str = "AAA", account: str = "a") -> Row:
    """Return a lot as the books keep it; the identity says nothing."""
    return {
        "account_id": account, "symbol": symbol, "quantity": D(quantity), "currency": "USD",
        "cost_basis": None if basis is None else D(basis),
    }  # fmt: skip


def report(
    books: Sequence[Row] = (),
    holdings: Sequence[Row] = (),
    balances: Sequence[Row] = (),
    answers: Sequence[Row] | None = None,
    in_flight: Sequence[Row] = (),
    session: date = SESSION,
    securities: pl.DataFrame | None = None,
    lots: Sequence[Row] | None = None,
    broker_lots: Sequence[Row] | None = None,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
    **tolerances: str,
) -> pl.DataFrame:
    """Compare; without `answers`, account `a` answered completely.

    The tolerances are those of every account; `overrides` are those of one.
    """
    told = [answer()] if answers is None else answers
    accounts = {row["account_id"] for row in (*books, *holdings, *balances, *told)}
    found = compare(
        table(Positions, books),
        table(BrokerPositions, holdings),
        table(BrokerBalances, balances),
        table(BrokerAccounts, told),
        table(InFlight, in_flight),
        {
            account: settings_of(**(tolerances | dict((overrides or {}).get(account, {}))))
            for account in accounts
        },
        session,
        securities=securities,
        lots=None if lots is None else table(TaxLots, lots),
        broker_lots=None if broker_lots is None else table(BrokerLots, broker_lots),
    )
    return Comparison.validate(found)


def settings_of(**tolerances: str) -> ReconciliationSettings:
    """Return the settings with some tolerances of their own."""
    return ReconciliationSettings(**{name: D(value) for name, value in tolerances.items()})


def outcomes(found: pl.DataFrame, account: str = "a") -> dict[tuple[str, str], str]:
    """Return the outcome of every item and field of an account, without currencies that agree."""
    is_told = (pl.col("field") != "currency") | (pl.col("outcome") != "matched")
    rows = found.filter(is_told, account_id=account).select("item", "field", "outcome").iter_rows()
    return {(item, field): outcome for item, field, outcome in rows}
