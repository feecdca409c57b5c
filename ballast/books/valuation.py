"""What everything owned was worth on every session, from postings, closes and exchange rates.

Conventions: a posting counts from the end of the first session on or after its UTC day. A price or rate is carried
forward and never backward. Reversed postings never happened, on no session. What cannot be known is null and says why;
it makes every sum null that contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from ballast.books.positions import known_postings
from ballast.books.postings import without_reversed
from ballast.market.carried_prices import CarriedPrices, carried_prices
from ballast.money import AMOUNT, AMOUNT_SCALE, RATE
from ballast.tables import polars_schema
from ballast.tables.performance import DailyHoldings, DailyMovements, PortfolioValues

# Corrections of the books are nobody's performance, so they count like money that comes or goes.
EXTERNAL_KINDS = ("deposit", "withdrawal", "transfer", "adjustment")
# Between buckets of one account: a flow for the bucket, nothing for the account.
BUCKET_KINDS = (*EXTERNAL_KINDS, "bucket_transfer")
_CONVERSIONS = ("merger", "symbol_change", "spin_off")

_ONE, _NOTHING = pl.lit(1).cast(AMOUNT), pl.lit(0).cast(AMOUNT)
_OWNER = ["account_id", "bucket_id", "commodity"]
_MOVEMENT = ["account_id", "bucket_id", "at", "kind", "commodity", "belongs_to", "in_currency"]


@dataclass(frozen=True)
class Valuation:
    """Holdings and movements of every session in base currency, and the portfolios they make up."""

    base_currency: str
    holdings: pl.DataFrame
    movements: pl.DataFrame
    portfolios: pl.DataFrame


def value_portfolios(
    postings: pl.DataFrame,
    securities: pl.DataFrame,
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    rates: pl.DataFrame,
    sessions: Sequence[date],
    base_currency: str,
) -> Valuation:
    """Value all accounts, their buckets and the total on every session.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings`; those after the last session are ignored, reversals among them too.
    securities : pl.DataFrame
        `Securities`; any other commodity is cash.
    bars : pl.DataFrame
        `Bars` as known on the last session, as traded, one row per symbol and session.
    actions : pl.DataFrame
        `CorporateActions`, for prices that are carried over a split.
    rates : pl.DataFrame
        `DailyRates` into the base currency, of every session and currency.
    sessions : sequence of date
        Trading sessions, ascending.
    base_currency : str
        Currency of all values.

    Returns
    -------
    Valuation
        `DailyHoldings`, `DailyMovements` and `PortfolioValues`. Value = quantity × price × multiplier × rate, rounded
        half to even to eight decimals. A transfer in kind is valued at the close of its session. A portfolio has a row
        for every session from its first posting on, with value zero when it holds nothing.
    """
    days = pl.Series("session", sessions, dtype=pl.Date)
    known = postings.head(0) if days.is_empty() else known_postings(postings, sessions[-1])
    booked = _by_session(without_reversed(known), days)
    quoted = securities.select(
        commodity="symbol",
        currency="currency",
        multiplier="multiplier",
    ).filter(pl.col("commodity").is_in(booked["commodity"].unique().implode()))
    symbols = quoted["commodity"].sort().to_list()
    prices = carried_prices(symbols, sessions, bars, actions)
    moved = _movements(booked, securities.select("symbol", "currency"))
    held = _holdings(booked.select(*_OWNER, "at", "quantity"), quoted, days.len())
    moved = _quoted(moved, quoted).sort(_MOVEMENT)
    holdings, movements = (_valued(frame, days, prices, rates) for frame in (held, moved))
    return Valuation(
        base_currency,
        _cast(holdings, DailyHoldings),
        _cast(movements, DailyMovements),
        _portfolios(holdings, movements, booked, days),
    )


def _by_session(postings: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """Keep the postings of the sessions asked for, each with the number of its session."""
    at = days.search_sorted(postings["occurred_at"].dt.date(), side="left").cast(pl.UInt32)
    return postings.with_columns(at=at).filter(pl.col("at") < days.len())


def _holdings(booked: pl.DataFrame, quoted: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Return one row per owner, commodity and session on which it is held, sorted by them."""
    changes = (
        booked.group_by(*_OWNER, "at")
        .agg(pl.col("quantity").sum())
        .sort(*_OWNER, "at")
        .with_columns(
            quantity=pl.col("quantity").cum_sum().over(_OWNER),
            until=pl.col("at").shift(-1).over(_OWNER).fill_null(sessions),
        )
        .filter(pl.col("quantity") != 0)
    )
    quoted_changes = _quoted(changes, quoted)
    return quoted_changes.with_columns(at=pl.int_ranges("at", "until", dtype=pl.UInt32)).explode(
        "at"
    )


def _movements(booked: pl.DataFrame, quotation: pl.DataFrame) -> pl.DataFrame:
    """Sum the postings of a session that belong together, before they are valued."""
    commodity, concerns = pl.col("commodity"), pl.col("concerns")
    # Of a merger or spin-off both legs go to one security: the old one, of a short position the new one.
    is_arriving = (pl.col("quantity") > 0) & pl.col("kind").is_in(_CONVERSIONS)
    is_cash = ~commodity.is_in(quotation["symbol"].implode())
    owner = pl.when(is_arriving | is_cash).then(pl.coalesce(concerns, commodity))
    bought = commodity.filter(pl.col("quantity") > 0).first().over("transaction_id", "at")
    return (
        booked.filter(pl.col("quantity") != 0)
        .with_columns(
            pl.col("kind").cast(pl.String),
            belongs_to=owner.otherwise(commodity),
            bought=pl.when(pl.col("kind") == "exchange").then(bought),
        )
        .join(
            quotation.select(belongs_to="symbol", owner_currency="currency"),
            on="belongs_to",
            how="left",
        )
        .with_columns(in_currency=pl.coalesce("owner_currency", "bought", "commodity"))
        .group_by(_MOVEMENT)
        .agg(pl.col("quantity").sum(), gross=pl.col("quantity").abs().sum())
    )


def _quoted(frame: pl.DataFrame, quoted: pl.DataFrame) -> pl.DataFrame:
    """Add currency, whether it is cash, and units of value per unit of price; keeps the order."""
    multiplier = pl.col("multiplier")
    return frame.join(quoted, on="commodity", how="left", maintain_order="left").with_columns(
        currency=pl.coalesce("currency", "commodity"),
        is_cash=multiplier.is_null(),
        units=pl.col("quantity") * multiplier.fill_null(_ONE),
    )


def _valued(
    frame: pl.DataFrame, days: pl.Series, prices: CarriedPrices, rates: pl.DataFrame
) -> pl.DataFrame:
    """Add session, price, rate and value in base currency to quantities; keeps the order."""
    units, is_cash = pl.col("units"), pl.col("is_cash")
    native = pl.when(is_cash | (units == 0)).then(units).otherwise(units * pl.col("price"))
    rate = pl.when(units == 0).then(pl.lit(0).cast(RATE)).otherwise(pl.col("rate"))
    valued = (
        prices.look_up(frame, "commodity", "at")
        .with_columns(session=days.gather(frame["at"]), rate=_rates(frame, days, rates))
        .with_columns(value_base=(native * rate).round(AMOUNT_SCALE))
    )
    if not valued["value_base"].has_nulls():
        return valued.with_columns(unknown_reason=pl.lit(None, pl.String))
    reason = (
        pl.when(pl.col("value_base").is_not_null())
        .then(None)
        .when(~is_cash & pl.col("price").is_null())
        .then(pl.format("no price of {} yet", "commodity"))
        .when(pl.col("rate").is_null())
        .then(pl.format("no exchange rate of {}", "currency"))
    )
    return valued.with_columns(unknown_reason=reason)


def _rates(rows: pl.DataFrame, days: pl.Series, rates: pl.DataFrame) -> pl.Series:
    """Look up the rate of each row's currency and session in one dense series."""
    currencies = rates["currency"].unique().sort()
    dense = (
        currencies.to_frame()
        .join(days.to_frame(), how="cross")
        .join(rates, on=["currency", "session"], how="left", maintain_order="left")["rate"]
    )
    number = rows["currency"].cast(pl.Enum(currencies), strict=False).to_physical()
    return dense.gather(number.cast(pl.Int64) * days.len() + rows["at"])


def _portfolios(
    holdings: pl.DataFrame, movements: pl.DataFrame, booked: pl.DataFrame, days: pl.Series
) -> pl.DataFrame:
    cash = pl.col("value_base").filter("is_cash")
    values = holdings.group_by("account_id", "bucket_id", "session").agg(
        value_base=_sum(pl.col("value_base")),
        cash_base=_sum(cash),
        unknown_reason=pl.col("unknown_reason").min(),
    )
    flows = movements.filter(pl.col("kind").is_in(BUCKET_KINDS))
    first = booked.group_by("account_id", "bucket_id").agg(first=pl.col("at").min())
    tables = [
        _level(level, values, flows.filter(pl.col("kind").is_in(kinds)), first, days)
        for level, kinds in (
            ("total", EXTERNAL_KINDS),
            ("account", EXTERNAL_KINDS),
            ("bucket", BUCKET_KINDS),
        )
    ]
    return _cast(pl.concat(tables).sort("level", "subject", "session"), PortfolioValues)


def _level(
    level: str, values: pl.DataFrame, flows: pl.DataFrame, first: pl.DataFrame, days: pl.Series
) -> pl.DataFrame:
    key = ["subject", "session"]
    subject = subject_of(level)
    spine = (
        first.with_columns(subject)
        .group_by("subject")
        .agg(pl.col("first").min())
        .with_columns(at=pl.int_ranges("first", days.len(), dtype=pl.UInt32))
        .explode("at")
        .with_columns(session=pl.lit(days).gather("at"))
        .select(key)
    )
    value = (
        values.with_columns(subject)
        .group_by(key)
        .agg(
            value_base=_sum(pl.col("value_base")),
            cash_base=_sum(pl.col("cash_base")),
            value_reason=pl.col("unknown_reason").min(),
        )
    )
    flow = (
        flows.with_columns(subject)
        .group_by(key)
        .agg(flow_base=_sum(pl.col("value_base")), flow_reason=pl.col("unknown_reason").min())
    )
    return (
        spine.join(value.with_columns(is_held=True), on=key, how="left")
        .join(flow.with_columns(has_flow=True), on=key, how="left")
        .select(
            *key,
            level=pl.lit(level),
            value_base=pl.when("is_held").then("value_base").otherwise(_NOTHING),
            cash_base=pl.when("is_held").then("cash_base").otherwise(_NOTHING),
            flow_base=pl.when("has_flow").then("flow_base").otherwise(_NOTHING),
            unknown_reason=pl.coalesce("value_reason", "flow_reason"),
        )
    )


def subject_of(level: str) -> pl.Expr:
    """Return the name of the portfolio of a level that a row of an account and bucket belongs to."""
    names = {
        "total": pl.lit("total"),
        "account": pl.col("account_id"),
        "bucket": pl.concat_str("account_id", "bucket_id", separator="/"),
    }
    return names[level].alias("subject")


def _sum(amounts: pl.Expr) -> pl.Expr:
    """Add amounts up; one that is unknown makes the sum unknown."""
    return pl.when(amounts.is_not_null().all()).then(amounts.sum())


def _cast(
    frame: pl.DataFrame, schema: type[DailyHoldings | DailyMovements | PortfolioValues]
) -> pl.DataFrame:
    return pl.DataFrame(schema.cast(frame.select(polars_schema(schema).names())))
