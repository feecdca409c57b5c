"""Small builders: a test names the facts that it is about, everything else gets a default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dataframely as dy
import polars as pl
from hypothesis import settings

from ballast.calendars import TradingCalendars
from ballast.money import to_rate
from ballast.tables import (
    Bars,
    CorporateActions,
    ExchangeRates,
    Postings,
    Prices,
    Securities,
    polars_schema,
)
from resources.market_data.protocol import OBSERVED_COLUMNS

Row = dict[str, Any]
D = Decimal

# Slow and fast properties: what builds frames gets fewer examples than plain arithmetic.
arithmetic = settings(max_examples=100, deadline=None)
framewise = settings(max_examples=40, deadline=None)

FIRST_DAY = date(2020, 1, 1)


def day(number: int) -> date:
    """Return the n-th day of an invented calendar on which every day is a session."""
    return FIRST_DAY + timedelta(days=number)


def at(number: int, hour: int = 15) -> datetime:
    """Return an hour (UTC) of the n-th day."""
    return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number, hours=hour)


def daily_calendars(*exchanges: str, days: int = 60) -> TradingCalendars:
    """Return calendars on which every day is a session."""
    return TradingCalendars({name: tuple(day(n) for n in range(days)) for name in exchanges})


def table(schema: type[dy.Schema], rows: Iterable[Row], **defaults: Any) -> pl.DataFrame:
    """Build a frame of a table; columns that no row names are null. Nothing is validated."""
    filled = [defaults | row for row in rows]
    return pl.DataFrame(filled, schema=polars_schema(schema))


def bar(symbol: str, session: date, close: float | None, **more: Any) -> Row:
    return {
        "symbol": symbol, "session": session, "known_on": session, "close": close, "open": close,
        "high": close, "low": close, "volume": 100.0, "is_total_return": False, "source": "test",
    } | more  # fmt: skip


def bars(*rows: Row) -> pl.DataFrame:
    return table(Bars, rows)


def observed(*rows: Row) -> pl.DataFrame:
    """Return bars as a source delivers them, without `known_on`."""
    return bars(*rows).select(OBSERVED_COLUMNS)


def split(symbol: str, ex_date: date, ratio: str) -> Row:
    return {"symbol": symbol, "ex_date": ex_date, "kind": "split", "ratio": D(ratio)}


def dividend(symbol: str, ex_date: date, amount: str) -> Row:
    return {"symbol": symbol, "ex_date": ex_date, "kind": "dividend", "amount": D(amount)}


def actions(*rows: Row) -> pl.DataFrame:
    return table(CorporateActions, rows, source="test")


def securities(*symbols: str, **fields: Any) -> pl.DataFrame:
    defaults = {
        "name": "A name", "exchange": "XNYS", "currency": "USD", "kind": "equity",
        "lot_size": D(1), "multiplier": D(1), "allow_buy": True, "allow_sell": True,
    }  # fmt: skip
    return table(Securities, [{"symbol": symbol} for symbol in symbols], **(defaults | fields))


def prices(known: Mapping[str, str | None], **fields: Any) -> pl.DataFrame:
    """Return prices of the day; None is a security that was never quoted."""
    rows = [
        {
            "symbol": symbol,
            "price": None if price is None else D(price),
            "price_session": None if price is None else day(0),
            "sessions_old": None if price is None else 0,
            "is_stale": price is None,
            "blocks_planning": price is None,
        }
        for symbol, price in known.items()
    ]
    return table(Prices, rows, **({"currency": "USD"} | fields))


def rates(per_euro: Mapping[str, str]) -> pl.DataFrame:
    """Return every pair of the currencies given in units per euro."""
    units = {"EUR": D(1)} | {currency: D(value) for currency, value in per_euro.items()}
    rows = [
        {"from_currency": a, "to_currency": b, "rate": to_rate(units[b] / units[a])}
        for a in units
        for b in units
    ]
    return table(ExchangeRates, rows, rate_date=day(0))


def posting(number: int, commodity: str, quantity: str, **more: Any) -> Row:
    """Return one posting; `number` makes its id, and its moment unless `occurred_at` is given."""
    return {
        "posting_id": f"p{number:04}", "transaction_id": f"t{number:04}", "account_id": "a",
        "bucket_id": "core", "occurred_at": at(0) + timedelta(minutes=number), "kind": "trade",
        "commodity": commodity, "quantity": D(quantity), "source": "test",
        "external_id": f"x{number:04}",
    } | more  # fmt: skip


def postings(*rows: Row) -> pl.DataFrame:
    return Postings.validate(table(Postings, rows))


def position(account: str, commodity: str, quantity: str, **amounts: str | None) -> Row:
    """Return one security of the books; cost and value are unknown unless given."""
    exact = {name: None if text is None else D(text) for name, text in amounts.items()}
    return {
        "account_id": account, "commodity": commodity, "quantity": D(quantity), "is_cash": False,
        "currency": "USD", "base_currency": "EUR", "is_price_stale": False,
    } | exact  # fmt: skip


def cash(account: str, currency: str, balance: str, value_base: str | None = None) -> Row:
    """Return one cash balance of the books; in euros it is worth itself."""
    worth = balance if value_base is None and currency == "EUR" else value_base
    own = {"is_cash": True, "currency": currency, "value": D(balance)}
    return position(account, currency, balance, value_base=worth) | own
