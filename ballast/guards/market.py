"""Whether the market of a security is one to trade in: price gaps, spreads, and stops of single positions."""

from __future__ import annotations

from datetime import date

import polars as pl

from ballast.guards.states import first_match, in_percent, limit, rows
from ballast.money import AMOUNT, exact_column
from ballast.settings import GuardSettings

PRICE_GAP, SPREAD, STOP_LOSS = "price_gap", "spread", "stop_loss"


def price_moves(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return the last close of every security and the close before it, in the same shares.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as of the session, as traded.
    actions : pl.DataFrame
        `CorporateActions` up to the session.

    Returns
    -------
    pl.DataFrame
        symbol, price, previous (null where there is no close before), price_session.
    """
    last_two = (
        bars.sort("symbol", "session")
        .group_by("symbol", maintain_order=True)
        .tail(2)
        .group_by("symbol", maintain_order=True)
        .agg(
            price=pl.col("close").last(),
            price_session=pl.col("session").last(),
            previous=pl.when(pl.len() == 2).then(pl.col("close").first()),
            previous_session=pl.when(pl.len() == 2).then(pl.col("session").first()),
        )
    )
    between = (pl.col("ex_date") > pl.col("previous_session")) & (
        pl.col("ex_date") <= pl.col("price_session")
    )
    factors = (
        actions.filter(pl.col("kind") == "split")
        .join(last_two, on="symbol")
        .filter(between)
        .group_by("symbol")
        .agg(factor=pl.col("ratio").cast(pl.Float64).product())
    )
    return last_two.join(factors, on="symbol", how="left", maintain_order="left").select(
        "symbol",
        price=exact_column(pl.col("price")),
        previous=exact_column(pl.col("previous") / pl.col("factor").fill_null(1.0)),
        price_session="price_session",
    )


def price_gap_guard(
    watched: pl.DataFrame, moves: pl.DataFrame, settings: GuardSettings
) -> pl.DataFrame:
    """Judge how far each price moved from the close before; both limits are inclusive.

    Parameters
    ----------
    watched : pl.DataFrame
        account_id, symbol: what each account holds or wants and may trade.
    moves : pl.DataFrame
        symbol, price, previous, price_session, as `price_moves` gives them.
    """
    price, previous = pl.col("price"), pl.col("previous")
    is_known = (price > 0).fill_null(False) & (previous > 0).fill_null(False)
    move = (price - previous).abs()
    judged = watched.join(moves, on="symbol", how="left").with_columns(
        state=first_match(
            (~is_known, "unknown"),
            (move >= limit(settings.price_gap_limit) * previous, "reduce_only"),
            (move >= limit(settings.price_gap_warning) * previous, "warn"),
        ),
        measured=pl.when(is_known).then(move * limit(100) / pl.when(is_known).then(previous)),
    )
    return rows(
        judged,
        PRICE_GAP,
        unit="%",
        subject=pl.col("symbol"),
        measured=pl.col("measured"),
        warning_limit=limit(settings.price_gap_warning, percent=True),
        acting_limit=limit(settings.price_gap_limit, percent=True),
        episode=pl.format(
            "price_gap-{}-{}", pl.col("symbol"), pl.col("price_session").cast(pl.String).fill_null("?")
        ),
        explanation=pl.when(~is_known)
        .then(pl.lit("The price or the close before it is unknown."))
        .otherwise(
            pl.format(
                "The price moved by {} from {} to {}, splits apart; if no news explains it, look at the source.",
                in_percent(pl.col("measured")),
                previous.cast(pl.Float64),
                price.cast(pl.Float64),
            )
        ),
    )  # fmt: skip


def spread_guard(
    watched: pl.DataFrame, quotes: pl.DataFrame | None, settings: GuardSettings, session: date
) -> pl.DataFrame:
    """Judge the spread of each security as a share of the bid.

    Parameters
    ----------
    watched : pl.DataFrame
        account_id, symbol.
    quotes : pl.DataFrame, optional
        symbol, bid, ask. A security without either is not measured and, unless quotes are required, not stopped; one
        with only one of them, or with an ask below its bid, is unknown.
    """
    if quotes is None:
        quotes = pl.DataFrame(schema={"symbol": pl.String, "bid": AMOUNT, "ask": AMOUNT})
    bid, ask = pl.col("bid"), pl.col("ask")
    is_unquoted = bid.is_null() & ask.is_null()
    is_sound = ((bid > 0) & (ask >= bid)).fill_null(False)
    spread = ask - bid
    judged = watched.join(quotes, on="symbol", how="left").with_columns(
        state=first_match(
            (is_unquoted & pl.lit(not settings.quotes_required), "ok"),
            (~is_sound, "unknown"),
            (spread >= limit(settings.spread_limit) * bid, "reduce_only"),
            (spread > limit(settings.spread_warning) * bid, "warn"),
        ),
        measured=pl.when(is_sound).then(spread * limit(100) / pl.when(is_sound).then(bid)),
    )
    return rows(
        judged,
        SPREAD,
        unit="% of bid",
        subject=pl.col("symbol"),
        measured=pl.col("measured"),
        warning_limit=limit(settings.spread_warning, percent=True),
        acting_limit=limit(settings.spread_limit, percent=True),
        episode=pl.format("spread-{}-{}", pl.col("symbol"), pl.lit(str(session))),
        explanation=pl.when(is_unquoted)
        .then(pl.lit("Not measured: there is no quote."))
        .when(~is_sound)
        .then(pl.lit("Bid and ask are incomplete or crossed."))
        .otherwise(pl.format("The spread is {} of the bid.", in_percent(pl.col("measured")))),
    )


def stop_loss_guard(positions: pl.DataFrame, settings: GuardSettings) -> pl.DataFrame:
    """Judge each holding against the loss at which it is closed; a short position loses when the price rises.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session.
    """
    held = positions.filter(~pl.col("is_cash") & (pl.col("quantity") != 0))
    stop = settings.stop_loss
    if stop is None:
        held = held.clear()
    price, cost = pl.col("price"), pl.col("average_cost")
    is_known = (price > 0).fill_null(False) & (cost > 0).fill_null(False)
    loss = pl.when(pl.col("quantity") > 0).then(cost - price).otherwise(price - cost)
    at_stop = loss >= limit(stop or 0) * cost
    judged = held.with_columns(
        state=first_match((~is_known, "unknown"), (at_stop, "act")),
        measured=pl.when(is_known).then(loss * limit(100) / pl.when(is_known).then(cost)),
    )
    return rows(
        judged,
        STOP_LOSS,
        unit="% of cost",
        subject=pl.col("commodity"),
        measured=pl.col("measured"),
        acting_limit=limit(stop or 0, percent=True),
        episode=pl.format("stop-{}", pl.col("price_session").cast(pl.String).fill_null("?")),
        explanation=pl.when(~is_known)
        .then(pl.lit("The price or the average cost is unknown, so the stop cannot be judged."))
        .otherwise(
            pl.format("The position lost {} of its average cost.", in_percent(pl.col("measured")))
        ),
    )
