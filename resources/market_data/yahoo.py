"""Yahoo Finance through yfinance: daily bars as traded and corporate actions.

Invariants: what Yahoo could not answer is an error, never fewer rows; prices and dividends are
those of the day, in the currency of the quotation (pence become pounds); nothing after the last day
asked for is returned.
"""

from __future__ import annotations

import atexit
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
from dataframely.exc import ValidationError

from ballast.errors import MarketDataError
from ballast.money import exact_column
from ballast.tables import Bars, CorporateActions, polars_schema
from resources import clock
from resources.market_data.as_traded import bars_as_traded, later_split_factor
from resources.market_data.protocol import OBSERVED_COLUMNS

if TYPE_CHECKING:
    import pandas
    import yfinance
    from curl_cffi.requests import Response, Session

_SOURCE = "yahoo"
_OBSERVED = pl.Schema({name: polars_schema(Bars)[name] for name in OBSERVED_COLUMNS})
_PRICES = ("open", "high", "low", "close")
_TIMEOUT_SECONDS = 30

# The answer starts this much before the window, so that a window without sessions (a weekend, a
# long holiday) still gets an answer, which proves that the symbol is known.
_LEAD = timedelta(days=14)

# Yahoo's codes of quotations in hundredths of a currency, and that currency.
_HUNDREDTHS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}

# What escapes from the library, beside its own errors, when the network or an answer is broken.
_BREAKAGES = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)

Answer = TypeVar("Answer")


class YahooMarketData:
    """Bars and corporate actions from Yahoo Finance, asked one symbol at a time.

    Parameters
    ----------
    session : curl_cffi.requests.Session, optional
        Carries the requests; by default the library's own, which impersonates a browser.
    pause : float
        Least number of seconds between two symbols.
    retries : int
        How often a question is repeated while Yahoo limits the rate.
    backoff : float
        Seconds to wait before the first repetition; doubled before each further one.
    """

    def __init__(
        self,
        *,
        session: Session[Response] | None = None,
        pause: float = 2.0,
        retries: int = 3,
        backoff: float = 15.0,
    ) -> None:
        self._session = session
        self._pause = pause
        self._retries = retries
        self._backoff = backoff
        self._next_turn = time.monotonic()

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return the bars from first to last as traded; a volume of zero is null.

        Raises
        ------
        MarketDataError
            If Yahoo failed, limited the rate for too long, or knows nothing of a symbol.
        """
        observed = [pl.DataFrame(schema=_OBSERVED)]
        for symbol in sorted(set(symbols)):
            quotes = self.ask(symbol, lambda ticker: _ask_quotes(ticker, first))
            observed.append(_bars(symbol, quotes, first, last))
        return pl.concat(observed).sort("symbol", "session")

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return splits and dividends with an ex date from first to last, per share of that day.

        Raises
        ------
        MarketDataError
            If Yahoo failed, limited the rate for too long, knows nothing of a symbol, or reports an
            impossible event or a dividend in another currency than the quotation's.
        """
        actions: list[pl.DataFrame] = [CorporateActions.create_empty()]
        for symbol in sorted(set(symbols)):
            events = self.ask(symbol, _ask_events)
            actions.append(_corporate_actions(symbol, events, first, last))
        return pl.concat(actions).sort("symbol", "ex_date", "kind")

    def ask(self, symbol: str, question: Callable[[yfinance.Ticker], Answer]) -> Answer:
        """Return the answer to a question about one symbol, asked again while the rate is limited.

        Raises
        ------
        MarketDataError
            If Yahoo failed or limited the rate for too long.
        """
        library = _library()
        for attempt in range(self._retries + 1):
            self._wait_for_turn()
            # The library keeps answers to past ranges while the process lives, failed ones too.
            library.data.YfData.cache_get.cache_clear()
            try:
                with warnings.catch_warnings():
                    # Every call meets deprecations of pandas that only the library can cure.
                    warnings.simplefilter("ignore")
                    return question(library.Ticker(symbol, session=self._session))
            except library.exceptions.YFRateLimitError:
                if attempt < self._retries:
                    time.sleep(self._backoff * 2**attempt)
            except (library.exceptions.YFException, *_BREAKAGES) as error:
                raise _failure(symbol, f"{type(error).__name__}: {error}") from error
        raise _failure(symbol, f"the rate was still limited after {self._retries} retries")

    def _wait_for_turn(self) -> None:
        time.sleep(max(0.0, self._next_turn - time.monotonic()))
        self._next_turn = time.monotonic() + self._pause


@dataclass(frozen=True)
class _Quotes:
    """Bars in terms of today's share and in the currency of the quotation."""

    adjusted: pl.DataFrame
    splits: pl.DataFrame


@dataclass(frozen=True)
class _Events:
    """All splits, and all dividends in terms of today's share, each in its own currency."""

    splits: pl.DataFrame
    dividends: pl.DataFrame
    currency: str


@cache
def _library() -> Any:
    import yfinance

    # By default the library writes into the user's home. It pickles its cookies, so the place must
    # be one that nobody else can write to.
    place = mkdtemp(prefix="ballast-yahoo-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    yfinance.set_tz_cache_location(place)
    # Otherwise failures become log lines and empty frames.
    yfinance.config.debug.hide_exceptions = False
    return yfinance


def _ask_quotes(ticker: yfinance.Ticker, first: date) -> _Quotes:
    today = clock.today()
    history = ticker.history(
        start=min(first, today) - _LEAD,
        # In the future in every time zone: such ranges are never cached, and the answer shows every
        # split for which Yahoo has adjusted.
        end=today + timedelta(days=2),
        auto_adjust=False,
        actions=True,
        timeout=_TIMEOUT_SECONDS,
    )
    if history["Close"].isna().all():
        raise ValueError("the answer holds no quotes")
    _, units = currency_of(_quotation(ticker))
    adjusted = pl.DataFrame(
        {
            "session": _days(history),
            **{name: _numbers(history[name.capitalize()]) / units for name in _PRICES},
            # The library turns an unknown volume into zero.
            "volume": _numbers(history["Volume"]).replace(0.0, None),
        }
    )
    # The table moves a split that falls on a gap to the session before; the list has its date.
    has_splits = bool((history["Stock Splits"] != 0).any())
    splits = _splits(ticker) if has_splits else _NO_SPLITS
    return _Quotes(adjusted.drop_nulls("close"), splits)


def _ask_events(ticker: yfinance.Ticker) -> _Events:
    splits = _splits(ticker)
    paid = ticker.get_dividends()
    quotation = _quotation(ticker)
    # The library adds a column of currencies only where Yahoo names any.
    names_currencies = paid.ndim == 2
    amounts = _numbers(paid["Dividends"] if names_currencies else paid)
    codes = list(paid["currency"].fillna("")) if names_currencies else [""] * len(amounts)
    known = [currency_of(code or quotation) for code in codes]
    dividends = pl.DataFrame(
        {
            "ex_date": _days(paid),
            "amount": amounts / pl.Series([units for _, units in known], dtype=pl.Float64),
            "currency": pl.Series([currency for currency, _ in known], dtype=pl.String),
        }
    )
    return _Events(splits, dividends, currency_of(quotation)[0])


def _quotation(ticker: yfinance.Ticker) -> str:
    code = ticker.get_history_metadata()["currency"]
    if not isinstance(code, str) or not code:
        raise ValueError("the answer names no currency")
    return code


def currency_of(code: str) -> tuple[str, float]:
    """Return the currency of a code and how many of the code's units make one of it."""
    return (_HUNDREDTHS[code], 100.0) if code in _HUNDREDTHS else (code, 1.0)


_NO_SPLITS = pl.DataFrame(schema={"ex_date": pl.Date, "ratio": pl.Float64})


def _splits(ticker: yfinance.Ticker) -> pl.DataFrame:
    listed = ticker.get_splits()
    splits = pl.DataFrame({"ex_date": _days(listed), "ratio": _numbers(listed)})
    is_possible = splits["ratio"].is_finite() & (splits["ratio"] > 0)
    if not is_possible.fill_null(False).all():
        raise ValueError("the answer holds a split with an impossible ratio")
    return splits.group_by("ex_date").agg(pl.col("ratio").product()).sort("ex_date")


def _days(table: pandas.DataFrame | pandas.Series) -> pl.Series:
    """Return the days of the index, which is in the time zone of the exchange."""
    return pl.Series([moment.date() for moment in table.index], dtype=pl.Date)


def _numbers(column: pandas.Series) -> pl.Series:
    return pl.Series([float(value) for value in column], dtype=pl.Float64).fill_nan(None)


def _bars(symbol: str, quotes: _Quotes, first: date, last: date) -> pl.DataFrame:
    adjusted = quotes.adjusted.filter(pl.col("session").is_between(first, last)).with_columns(
        symbol=pl.lit(symbol), is_total_return=pl.lit(False), source=pl.lit(_SOURCE)
    )
    splits = quotes.splits.with_columns(symbol=pl.lit(symbol))
    return bars_as_traded(adjusted, splits).select(OBSERVED_COLUMNS).cast(_OBSERVED)


def _corporate_actions(symbol: str, events: _Events, first: date, last: date) -> pl.DataFrame:
    in_window = pl.col("ex_date").is_between(first, last)
    splits = events.splits.with_columns(symbol=pl.lit(symbol))
    dividends = events.dividends.with_columns(symbol=pl.lit(symbol)).filter(in_window)
    dividends = later_split_factor(dividends, splits, "ex_date")
    foreign = dividends.filter(pl.col("currency") != events.currency)
    if not foreign.is_empty():
        paid = foreign.row(0, named=True)
        what = f"the dividend of {paid['ex_date']} is in {paid['currency']}"
        raise _failure(symbol, f"{what}, the quotation in {events.currency}")
    amounts = (
        dividends.group_by("symbol", "ex_date")
        .agg(amount=exact_column((pl.col("amount") * pl.col("split_factor")).sum()))
        .filter(pl.col("amount") != 0)
    )
    rows = [
        amounts.with_columns(kind=pl.lit("dividend"), ratio=pl.lit(None)),
        splits.filter(in_window).with_columns(
            pl.col("ratio").round(9), kind=pl.lit("split"), amount=pl.lit(None)
        ),
    ]
    cast = [CorporateActions.cast(frame.with_columns(source=pl.lit(_SOURCE))) for frame in rows]
    try:
        return CorporateActions.validate(pl.concat(cast))
    except ValidationError as error:
        raise _failure(symbol, f"impossible events: {error}") from error


def _failure(symbol: str, what: str) -> MarketDataError:
    return MarketDataError(
        f"Yahoo gave no usable answer for {symbol}: {what}",
        where="market_data.source = yahoo",
        remedy="Check the symbol at finance.yahoo.com; if it is right, run again later.",
    )
