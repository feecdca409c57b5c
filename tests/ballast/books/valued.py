"""Small portfolios over invented days, valued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ballast.books.valuation import Valuation, value_portfolios
from ballast.market.daily_rates import daily_rates
from ballast.tables import ReferenceRates, Securities
from tests.ballast.builders import D, Row, actions, at, bar, bars, day, posting, postings, table

CURRENCY_OF = {"AAA": "USD", "BBB": "EUR", "OPT": "USD"}


def listing(symbol: str, **more: Any) -> Row:
    return {
        "symbol": symbol, "name": symbol, "exchange": "XNYS", "currency": CURRENCY_OF[symbol],
        "kind": "equity", "country": "US" if symbol == "AAA" else "NL", "industry": "Tools",
        "lot_size": D(1), "multiplier": D(100) if symbol == "OPT" else D(1), "allow_buy": True, "allow_sell": True,
    } | more  # fmt: skip


def fixings(per_euro: Mapping[int, str], currency: str = "USD") -> pl.DataFrame:
    rows = [
        {"rate_date": day(number), "currency": currency, "per_euro": D(value)}
        for number, value in per_euro.items()
    ]
    return table(ReferenceRates, rows)


def on(number: int, session: int, commodity: str, quantity: str, **more: Any) -> Row:
    """Return a posting of a session."""
    return posting(number, commodity, quantity, **({"occurred_at": at(session)} | more))


def bought(
    number: int, session: int, symbol: str, quantity: str, cash: str, **more: Any
) -> list[Row]:
    """Return both legs of a trade in the security's currency; cash is signed."""
    one = {"transaction_id": f"t{number:04}"} | more
    return [
        on(number, session, symbol, quantity, **one),
        on(number + 1, session, CURRENCY_OF[symbol], cash, concerns=symbol, **one),
    ]


def closes(symbol: str, prices: Mapping[int, float] | Sequence[float]) -> list[Row]:
    numbered = prices.items() if isinstance(prices, Mapping) else enumerate(prices)
    return [bar(symbol, day(number), close) for number, close in numbered]


def value(
    rows: Sequence[Row],
    *,
    prices: Sequence[Row] = (),
    sessions: int | Sequence[int] = 5,
    per_euro: Mapping[int, str] | None = None,
    corporate: Sequence[Row] = (),
    securities: Sequence[Row] | None = None,
    age_limit: int = 5,
) -> Valuation:
    """Value postings in euros; a dollar costs half a euro unless fixings are given."""
    numbers = range(sessions) if isinstance(sessions, int) else sessions
    days = [day(number) for number in numbers]
    reference = fixings({0: "2"} if per_euro is None else per_euro)
    limit = 10_000 if per_euro is None else age_limit
    listed = [listing(symbol) for symbol in CURRENCY_OF] if securities is None else securities
    return value_portfolios(
        postings(*rows),
        securities_table(listed),
        bars(*prices),
        actions(*corporate),
        daily_rates(reference, ["EUR", "USD"], "EUR", days, age_limit=limit),
        days,
        "EUR",
    )


def securities_table(rows: Sequence[Row]) -> pl.DataFrame:
    return table(Securities, rows)


def values(valuation: Valuation, subject: str = "total", column: str = "value_base") -> list[Any]:
    """Return one column of one portfolio, oldest first."""
    return valuation.portfolios.filter(pl.col("subject") == subject)[column].to_list()
