"""Lots and what was realised, from postings: the whole history of all accounts at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from ballast.books.lots.conversions import converted
from ballast.books.lots.events import CONVERSIONS, REALISING, lot_events
from ballast.books.lots.exercises import exercised, gain_of, repriced, without_gain
from ballast.books.lots.matching import NO_LOTS, Matched, match
from ballast.books.lots.terms import term
from ballast.settings import LotMethod
from ballast.tables import GainsByYear, RealisedGains, TaxLots, polars_schema


def match_postings(
    postings: pl.DataFrame, exchanges: Mapping[str, str], methods: Mapping[str, LotMethod]
) -> Matched:
    """Match all trades of all accounts.

    Parameters
    ----------
    postings : pl.DataFrame
        `Postings` up to the moment of interest.
    exchanges : mapping of str to str
        Exchange (MIC) per security; other commodities are cash.
    methods : mapping of str to LotMethod
        Per account; FIFO where none is named.
    """
    events = lot_events(postings, exchanges)
    conversions = events.with_row_index("at").filter(pl.col("kind").is_in(CONVERSIONS))
    turns: list[tuple[int, pl.DataFrame | tuple[str, str]]] = [
        (int(legs["at"][0]), legs.drop("at"))
        for legs in conversions.partition_by("transaction_id", maintain_order=True)
    ]
    turns += [(at, (option, stock)) for option, stock, at in exercised(events).iter_rows()]
    is_traded = ~pl.col("kind").is_in(CONVERSIONS)
    lots, matches = NO_LOTS, []
    done = 0
    for at, turn in sorted(turns, key=lambda each: each[0]):
        part = match(events[done:at].filter(is_traded), methods, lots)
        matches.append(part.matches)
        lots, done = part.lots, at
        if isinstance(turn, pl.DataFrame):
            lots = converted(lots, turn)
            continue
        option, stock = turn
        closed = match(events.filter(pl.col("posting_id") == option), methods, lots)
        matches.append(without_gain(closed.matches))
        lots = closed.lots
        events = repriced(events, stock, gain_of(closed.matches))
        is_traded &= pl.col("posting_id") != option
    last = match(events[done:].filter(is_traded), methods, lots)
    return Matched(last.lots, pl.concat([*matches, last.matches]))


def realised_gains(matches: pl.DataFrame) -> pl.DataFrame:
    """Return `RealisedGains`: matches of sales and the like, but not of transfers, which realise nothing.

    A gain is null where either side is unknown, or where the two are in different currencies.
    """
    short = pl.col("is_short_sale")
    frame = (
        matches.filter(pl.col("kind").is_in(REALISING))
        .with_columns(
            match_id=pl.concat_str(["closing_id", "lot_id"], separator=":"),
            proceeds=pl.when(short).then(pl.col("lot_amount")).otherwise(pl.col("closing_amount")),
            cost_basis=pl.when(short)
            .then(pl.col("closing_amount"))
            .otherwise(pl.col("lot_amount")),
            disallowed_loss=pl.lit(0),
            term=pl.when(short).then(pl.lit("short")).otherwise(term("acquired_on", "closed_on")),
            tax_year=pl.col("closed_on").dt.year().cast(pl.Int64),
        )
        .with_columns(
            gain=pl.when(pl.col("currency") == pl.col("lot_currency")).then(
                pl.col("proceeds") - pl.col("cost_basis")
            )
        )
        .sort("closed_at", "closing_id", "acquired_on", "lot_id")
    )
    return RealisedGains.validate(
        frame.select(polars_schema(RealisedGains).names()).cast(polars_schema(RealisedGains))
    )


def gains_by_year(gains: pl.DataFrame) -> pl.DataFrame:
    """Add up `RealisedGains` per year, account, currency and term; an unknown basis enters no sum but its own."""
    known = pl.col("gain").is_not_null()
    frame = (
        gains.with_columns(currency=pl.col("currency").fill_null("unknown"))
        .group_by("tax_year", "account_id", "currency", "term")
        .agg(
            pl.col("proceeds", "cost_basis", "gain").filter(known).sum(),
            pl.col("disallowed_loss").sum(),
            taxable_gain=pl.col("gain").filter(known).sum() + pl.col("disallowed_loss").sum(),
            proceeds_of_unknown_basis=pl.col("proceeds").filter(~known).sum(),
            sales_of_unknown_basis=(~known).sum().cast(pl.Int64),
        )
        .sort("tax_year", "account_id", "currency", "term")
    )
    return GainsByYear.validate(
        frame.select(polars_schema(GainsByYear).names()).cast(polars_schema(GainsByYear))
    )


def tax_lots(
    lots: pl.DataFrame, prices: pl.DataFrame, securities: pl.DataFrame, session: date
) -> pl.DataFrame:
    """Value open lots at the close of a session.

    Parameters
    ----------
    lots : pl.DataFrame
        Open lots as `match_postings` returns them.
    prices, securities : pl.DataFrame
        `Prices` of the session and `Securities`.
    session : date
        The day on which the holding terms are judged.

    Returns
    -------
    pl.DataFrame
        `TaxLots`; values are null where the price is unknown, gains where either part is.
    """
    sign = pl.when(pl.col("quantity") < 0).then(-1).otherwise(1)
    quoted = securities.select("symbol", "multiplier", quoted_in="currency").join(
        prices.select("symbol", "price"), on="symbol", how="left"
    )
    frame = (
        lots.join(quoted, on="symbol", how="left", maintain_order="left")
        .with_columns(
            session=pl.lit(session),
            cost_basis=pl.col("amount") * sign,
            value=(pl.col("quantity") * pl.col("price") * pl.col("multiplier")),
            currency=pl.coalesce("currency", "quoted_in"),
        )
        .with_columns(
            basis_origin="origin",
            unit_cost=pl.col("cost_basis") / pl.col("quantity"),
            term=term("acquired_on", "session"),
            unrealised_gain=pl.when(pl.col("currency") == pl.col("quoted_in")).then(
                pl.col("value") - pl.col("cost_basis")
            ),
        )
        .sort("account_id", "symbol", "acquired_on", "opened_at", "lot_id")
    )
    return TaxLots.validate(
        frame.select(polars_schema(TaxLots).names()).cast(polars_schema(TaxLots))
    )
