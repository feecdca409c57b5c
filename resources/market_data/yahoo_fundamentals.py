"""Fundamental figures and opinions from Yahoo Finance, which tells only those of the present.

Invariants: a figure is known from the session in whose run it was seen; a session after which another has closed is
never told what Yahoo says now; what was seen once is remembered, also when Yahoo no longer tells it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeGuard

import polars as pl

from ballast.money import RATE_SCALE, exact
from ballast.planning.scores.fundamentals import POSSIBLE, newest_known
from ballast.tables import Fundamentals, polars_schema
from resources import clock
from resources.market_data.yahoo import YahooMarketData, currency_of

if TYPE_CHECKING:
    import yfinance

_FIELDS = {
    "trailing_pe": "trailingPE",
    "forward_pe": "forwardPE",
    "profit_margin": "profitMargins",
    "debt_to_equity": "debtToEquity",
    "current_ratio": "currentRatio",
    "payout_ratio": "payoutRatio",
    "recommendation": "recommendationMean",
    "target_price": "targetMeanPrice",
}
# Reports come every quarter and opinions now and then; a question a week is enough.
_FRESH_DAYS = 7


@dataclass(frozen=True)
class YahooFundamentals:
    """The figures that Yahoo shows in the run of the newest session, and those of runs before it.

    Parameters
    ----------
    yahoo : YahooMarketData
        Asks, at the pace that Yahoo permits.
    next_close : callable
        The moment at which the first exchange closes in the session that follows a session.
    """

    yahoo: YahooMarketData
    next_close: Callable[[date], datetime]

    def fundamentals(
        self, symbols: Sequence[str], session: date, remembered: pl.DataFrame
    ) -> pl.DataFrame:
        """Return what was remembered, and in the newest session what Yahoo shows of whom was not asked about lately.

        Raises
        ------
        MarketDataError
            If Yahoo failed, limited the rate for too long, or knows nothing of a symbol.
        """
        known = remembered.filter(
            pl.col("symbol").is_in(list(symbols)) & (pl.col("known_on") <= session)
        )
        rows = [
            {
                "symbol": symbol,
                "metric": metric,
                "known_on": session,
                "value": exact(value, RATE_SCALE),
            }
            for symbol in self._to_ask(symbols, session, known)
            for metric, value in self.yahoo.ask(symbol, _figures).items()
        ]
        seen = pl.DataFrame(rows, schema=polars_schema(Fundamentals))
        both = pl.concat([known.select(seen.columns), seen])
        return Fundamentals.validate(Fundamentals.cast(newest_known(both, session)))

    def _to_ask(self, symbols: Sequence[str], session: date, known: pl.DataFrame) -> list[str]:
        # What Yahoo shows after a close belongs to the session that closed.
        if session > clock.today() or clock.now() >= self.next_close(session):
            return []
        fresh = known.filter(pl.col("known_on") > session - timedelta(days=_FRESH_DAYS))
        return sorted(set(symbols) - set(fresh["symbol"]))


def _figures(ticker: yfinance.Ticker) -> dict[str, float]:
    shown: dict[str, Any] = ticker.info
    if not shown.get("quoteType"):
        raise ValueError("the answer describes no security")
    figures = {
        metric: float(value)
        for metric, name in _FIELDS.items()
        if _is_figure(value := shown.get(name), metric)
    }
    if "target_price" in figures:
        currency = shown.get("currency")
        if not isinstance(currency, str) or not currency:
            raise ValueError("the answer names no currency")
        figures["target_price"] /= currency_of(currency)[1]
    return figures


def _is_figure(value: object, metric: str) -> TypeGuard[float]:
    """Where there is nothing to tell the field is left out, or a word or an impossible zero stands in it."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return False
    lowest, highest = POSSIBLE.get(metric, (-math.inf, math.inf))
    return lowest <= value <= highest
