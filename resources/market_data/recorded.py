"""Real market data recorded in the package: the default, so that nobody needs an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import as_file, files

import polars as pl

from ballast.errors import MarketDataError
from ballast.money import exact_column
from ballast.tables import CorporateActions, ReferenceRates
from resources.market_data.as_traded import bars_as_traded, later_split_factor
from resources.market_data.protocol import OBSERVED_COLUMNS

_EURO = "EUR"


class RecordedMarketData:
    """Bars and corporate actions of the recorded securities."""

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return recorded bars, as traded; a security is silent outside its recorded span."""
        _refuse_unknown(symbols)
        wanted = _recorded_bars().filter(
            pl.col("symbol").is_in(list(symbols)) & pl.col("session").is_between(first, last)
        )
        return wanted.select(OBSERVED_COLUMNS).sort("symbol", "session")

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return recorded splits and dividends; total-return series carry no dividends."""
        _refuse_unknown(symbols)
        wanted = _recorded_actions().filter(
            pl.col("symbol").is_in(list(symbols)) & pl.col("ex_date").is_between(first, last)
        )
        return wanted.sort("symbol", "ex_date", "kind")


class RecordedReferenceRates:
    """Recorded euro reference rates of the European Central Bank."""

    def reference_rates(self, currencies: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return the recorded fixings."""
        wanted = sorted(set(currencies) - {_EURO})
        rates = _recorded_rates()
        unknown = sorted(set(wanted) - set(rates["currency"].unique()))
        if unknown:
            raise MarketDataError(
                f"no recorded reference rates for {unknown}",
                where="market_data.exchange_rates = recorded",
                remedy="Use market_data.exchange_rates = 'ecb' or a recorded currency.",
            )
        return rates.filter(
            pl.col("currency").is_in(wanted) & pl.col("rate_date").is_between(first, last)
        ).sort("rate_date", "currency")


def _read(name: str) -> pl.DataFrame:
    with as_file(files("ballast") / "recorded" / name) as path:
        return pl.read_parquet(path)


@cache
def _recorded_splits() -> pl.DataFrame:
    return (
        _read("splits.parquet")
        .select(
            pl.col("symbol").cast(pl.String), pl.col("date").cast(pl.Date).alias("ex_date"), "ratio"
        )
        .unique(["symbol", "ex_date"], keep="first", maintain_order=True)
        .sort("symbol", "ex_date")
    )


@cache
def _recorded_bars() -> pl.DataFrame:
    adjusted = _read("default_2010_2022.parquet").select(
        pl.col("symbol").cast(pl.String),
        pl.col("date").cast(pl.Date).alias("session"),
        "open",
        "high",
        "low",
        "close",
        "volume",
        pl.col("close_is_total_return").alias("is_total_return"),
        pl.col("source").cast(pl.String),
    )
    return bars_as_traded(adjusted, _recorded_splits())


@cache
def _recorded_actions() -> pl.DataFrame:
    span = (
        _recorded_bars()
        .group_by("symbol")
        .agg(
            recorded_from=pl.col("session").min(),
            has_dividends_inside=pl.col("is_total_return").any(),
        )
    )
    dividends = (
        _read("dividends.parquet")
        .filter(pl.col("primary"))
        .select(
            pl.col("symbol").cast(pl.String),
            pl.col("ex_date").cast(pl.Date),
            "amount",
            pl.col("source").cast(pl.String),
        )
        .unique(["symbol", "ex_date"], keep="first", maintain_order=True)
        .join(span, on="symbol")
        .filter(~pl.col("has_dividends_inside"))
    )
    dividends = later_split_factor(dividends, _recorded_splits(), "ex_date").select(
        "symbol",
        "ex_date",
        kind=pl.lit("dividend"),
        ratio=pl.lit(None),
        amount=exact_column(pl.col("amount") * pl.col("split_factor")),
        source="source",
    )
    splits = _recorded_splits().select(
        "symbol",
        "ex_date",
        kind=pl.lit("split"),
        ratio=pl.col("ratio").round(9),
        amount=pl.lit(None),
        source=pl.lit("recorded"),
    )
    rows = [CorporateActions.cast(frame) for frame in (dividends, splits)]
    return CorporateActions.validate(pl.concat(rows).sort("symbol", "ex_date", "kind"))


@cache
def _recorded_rates() -> pl.DataFrame:
    rates = _read("fx_default.parquet").select(
        pl.col("date").cast(pl.Date).alias("rate_date"),
        pl.col("currency").cast(pl.String),
        pl.col("per_eur").round(8).alias("per_euro"),
    )
    return ReferenceRates.validate(ReferenceRates.cast(rates).sort("rate_date", "currency"))


def _refuse_unknown(symbols: Sequence[str]) -> None:
    unknown = sorted(set(symbols) - set(_recorded_bars()["symbol"].unique()))
    if unknown:
        raise MarketDataError(
            f"no recorded prices for {unknown}",
            where="market_data.source = recorded",
            remedy="Use market_data.source = 'yahoo' or a symbol of recorded/securities.csv.",
        )
