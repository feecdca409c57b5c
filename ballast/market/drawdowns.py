"""Growth and falls below a former high.

An unknown return breaks the chain: nothing after it can be said about growth. A session without a return and without a
reason (the start, or one with no capital) leaves growth as it is.
"""

from __future__ import annotations

import polars as pl

from ballast.tables import polars_schema
from ballast.tables.performance import DrawdownEpisodes, Drawdowns

_SUBJECT = ["level", "subject"]


def in_series(returns: pl.DataFrame) -> pl.DataFrame:
    """Sort by subject and session, number the subjects, and flag returns that are unknown inside the series.

    Returns
    -------
    pl.DataFrame
        The rows with `series`, a number per subject that is faster to group by than names, and `is_gap`: an unknown
        return after the first session that is known; before the series starts it is none.
    """
    is_known = pl.col("unknown_reason").is_null()
    ordered = returns.sort(*_SUBJECT, "session").with_columns(series=pl.struct(_SUBJECT).rle_id())
    if not _has_unknown(ordered):
        return ordered.with_columns(is_gap=pl.lit(False))
    started = is_known.cast(pl.Int64).cum_sum().over("series") > 0
    return ordered.with_columns(is_gap=started & ~is_known)


def drawdowns(returns: pl.DataFrame) -> pl.DataFrame:
    """Return growth, drawdown and the last high on every session.

    Parameters
    ----------
    returns : pl.DataFrame
        `DailyReturns`, in any order; the span to look at.

    Returns
    -------
    pl.DataFrame
        `Drawdowns`. growth_t = Π(1 + r) up to t, one before the first return; drawdown = growth / highest growth so
        far − 1, the one before the first return included.
    """
    number, is_high = pl.int_range(pl.len()), pl.col("drawdown") == 0
    last_high = pl.when(is_high).then(number).forward_fill().fill_null(-1)
    is_known = pl.col("growth").is_not_null()
    table = (
        with_drawdowns(in_series(returns))
        .with_columns(
            peak_session=pl.when(is_high).then("session").forward_fill().over("series"),
            sessions_in_drawdown=(number - last_high).over("series"),
        )
        .with_columns(
            pl.when(is_known).then(name).alias(name)
            for name in ("peak_session", "sessions_in_drawdown")
        )
    )
    return Drawdowns.cast(table.select(polars_schema(Drawdowns).names()))


def with_drawdowns(table: pl.DataFrame) -> pl.DataFrame:
    """Add growth and drawdown to returns that are `in_series`."""
    grown = (1 + pl.col("daily_return").fill_null(0.0)).cum_prod()
    high = pl.max_horizontal(pl.col("growth").cum_max(), pl.lit(1.0))
    if _has_unknown(table):
        broken = pl.col("is_gap").cast(pl.Int64).cum_sum() > 0
        grown = pl.when(~broken & pl.col("unknown_reason").is_null()).then(grown)
    return table.with_columns(growth=grown.over("series")).with_columns(
        drawdown=(pl.col("growth") / high - 1).over("series")
    )


def drawdown_episodes(table: pl.DataFrame) -> pl.DataFrame:
    """Return every fall below a former high, with its depth and recovery.

    Parameters
    ----------
    table : pl.DataFrame
        `Drawdowns`.

    Returns
    -------
    pl.DataFrame
        `DrawdownEpisodes`, by subject and first session. `recovered_on` is null as long as the fall lasts, and when an
        unknown return hides its end.
    """
    below = pl.col("drawdown") < 0
    # A session with a drawdown of zero, or none that is known, ends the episode before it.
    numbered = in_series(table).with_columns(
        episode=(~below.fill_null(False)).cast(pl.UInt32).cum_sum(),
        next_session=pl.col("session").shift(-1).over("series"),
        next_drawdown=pl.col("drawdown").shift(-1).over("series"),
    )
    episodes = (
        numbered.filter(below)
        .group_by("series", "episode", maintain_order=True)
        .agg(
            pl.col(_SUBJECT).first(),
            first_session=pl.col("session").first(),
            peak_session=pl.col("peak_session").first(),
            trough_session=pl.col("session").get(pl.col("drawdown").arg_min()),
            recovered_on=pl.when(pl.col("next_drawdown").last() == 0).then(
                pl.col("next_session").last()
            ),
            depth=pl.col("drawdown").min(),
            sessions=pl.len().cast(pl.Int64),
        )
    )
    return DrawdownEpisodes.validate(
        DrawdownEpisodes.cast(episodes.select(polars_schema(DrawdownEpisodes).names()))
    )


def _has_unknown(table: pl.DataFrame) -> bool:
    return table["unknown_reason"].null_count() < table.height
