"""The price history: which version of which bar was known when.

A bar is stored once per version. Its first version is known at the end of its own session; a late correction, or a bar
that arrives after newer ones, is known from the session in which it was learned. `as_of` therefore gives the same
answer for a session whether it is asked on the day or years later. One case cannot be told apart: a newest bar that the
source delivers a run late looks like one whose session was never run, and counts as known at the end of its session.
Corporate actions follow the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from ballast.tables import Bars, CorporateActions, KnownActions, polars_schema

_KEY = ["symbol", "session", "known_on"]
_ACTION = ["symbol", "ex_date", "kind"]
_VALUES = ["open", "high", "low", "close", "volume"]
# Sources restate prices in the sixth digit when they recompute adjustments; that is no correction.
_RELATIVE_TOLERANCE = 1e-6


def as_of(bars: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the newest version of every bar that was known at the end of a session.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars`, any order; of rows with the same key the last one counts.

    Returns
    -------
    pl.DataFrame
        `Bars`, one row per symbol and session, sorted by them.
    """
    known = bars.filter((pl.col("session") <= session) & (pl.col("known_on") <= session))
    # A stable sort of what is nearly sorted, and a look at the next row, cost a tenth of `unique`.
    known = known.sort(_KEY, maintain_order=True)
    is_superseded = (pl.col("symbol") == pl.col("symbol").shift(-1)) & (
        pl.col("session") == pl.col("session").shift(-1)
    )
    return known.filter(~is_superseded.fill_null(False))


def windows(
    known: pl.DataFrame,
    symbols: Sequence[str],
    session: date,
    *,
    history_start: date,
    overlap: timedelta,
) -> dict[date, list[str]]:
    """Return which symbols to ask for from which day on: all history at first, then what is missing.

    Parameters
    ----------
    known : pl.DataFrame
        `Bars` as of the session.
    overlap : timedelta
        How far back known bars are asked for again, to see late corrections.
    """
    newest = dict(known.group_by("symbol").agg(pl.col("session").max()).iter_rows())
    starts: dict[date, list[str]] = {}
    for symbol in sorted(symbols):
        last = newest.get(symbol)
        start = history_start if last is None else max(history_start, last - overlap)
        starts.setdefault(min(start, session), []).append(symbol)
    return starts


def new_versions(known: pl.DataFrame, observed: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the bars that are new or differ from what was known.

    Parameters
    ----------
    known : pl.DataFrame
        `Bars` as of the session.
    observed : pl.DataFrame
        `Bars` just received; `known_on` says when each could be known if it is not late.
    session : date
        The session of this run.
    """
    latest = known.group_by("symbol").agg(last_session=pl.col("session").max())
    asked = known.filter(pl.col("session") >= pl.lit(observed["session"].min(), dtype=pl.Date))
    before = asked.select(
        "symbol", "session", *(pl.col(name).alias(f"known_{name}") for name in _VALUES),
        was_known=pl.lit(True),
    )  # fmt: skip
    compared = (
        observed.filter(pl.col("known_on") <= session)
        .join(before, on=["symbol", "session"], how="left", maintain_order="left")
        .join(latest, on="symbol", how="left", maintain_order="left")
    )
    is_known = pl.col("was_known").fill_null(False)
    differs = pl.any_horizontal(_differs(name) for name in _VALUES)
    arrives_late = (pl.col("session") <= pl.col("last_session")).fill_null(False)
    return (
        compared.filter(~is_known | differs)
        .with_columns(
            known_on=pl.when(is_known | arrives_late)
            .then(pl.lit(session))
            .otherwise(pl.col("known_on"))
        )
        .select(polars_schema(Bars).names())
        .sort(_KEY)
    )


def _differs(name: str) -> pl.Expr:
    """Say whether a value was restated or learned; one that is now missing corrects nothing."""
    now, before = pl.col(name).fill_nan(None), pl.col(f"known_{name}").fill_nan(None)
    restated = (now - before).abs() > _RELATIVE_TOLERANCE * before.abs().clip(lower_bound=1e-9)
    return restated.fill_null(False) | (now.is_not_null() & before.is_null())


def combine(segments: list[pl.DataFrame]) -> pl.DataFrame:
    """Put segments of the history together; of equal keys the last segment's row counts."""
    empty = Bars.create_empty()
    return pl.concat([empty, *segments]).unique(_KEY, keep="last", maintain_order=True)


def combine_actions(segments: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Put `CorporateActions` together; of equal keys the first counts, because an event is reported once."""
    return _first_of_each(CorporateActions.create_empty(), segments, _ACTION)


def combine_known_actions(segments: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Put `KnownActions` together, each with the days on which it was reported; older segments lack those."""
    dated = [
        each if "known_on" in each.columns else each.with_columns(known_on="ex_date")
        for each in segments
    ]
    return _first_of_each(KnownActions.create_empty(), dated, [*_ACTION, "known_on"])


def _first_of_each(
    empty: pl.DataFrame, segments: Sequence[pl.DataFrame], key: list[str]
) -> pl.DataFrame:
    rows = pl.concat([empty, *(each.select(empty.columns) for each in segments)])
    return rows.unique(key, keep="first", maintain_order=True).sort(key)


def dated_actions(actions: pl.DataFrame, known: pl.DataFrame, session: date) -> pl.DataFrame:
    """Say since when actions that are new have been known, as for bars.

    Parameters
    ----------
    actions : pl.DataFrame
        `CorporateActions` that this run learned.
    known : pl.DataFrame
        `Bars` as of the session that were known before.
    session : date
        The session of this run.

    Returns
    -------
    pl.DataFrame
        `KnownActions`. One whose ex date has passed in the bars already was overlooked until this session.
    """
    latest = known.group_by("symbol").agg(last_session=pl.col("session").max())
    is_late = (pl.col("ex_date") <= pl.col("last_session")).fill_null(False)
    return (
        actions.join(latest, on="symbol", how="left", maintain_order="left")
        .with_columns(known_on=pl.when(is_late).then(pl.lit(session)).otherwise("ex_date"))
        .select(polars_schema(KnownActions).names())
    )


def actions_as_of(actions: pl.DataFrame, session: date) -> pl.DataFrame:
    """Return the `CorporateActions` up to a session that were known at its end, from `KnownActions`."""
    known = actions.filter((pl.col("ex_date") <= session) & (pl.col("known_on") <= session))
    first = known.sort(*_ACTION, "known_on").unique(_ACTION, keep="first", maintain_order=True)
    return first.select(polars_schema(CorporateActions).names())


def corrections(known: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Return symbol, session, close before and close after of bars that were known otherwise."""
    before = known.select("symbol", "session", close_before="close")
    return (
        versions.join(before, on=["symbol", "session"], how="inner", maintain_order="left")
        .select("symbol", "session", "close_before", close_after="close")
        .sort("symbol", "session")
    )


def adjusted_for_splits(bars: pl.DataFrame, actions: pl.DataFrame, session: date) -> pl.DataFrame:
    """Express the closes in shares as of a session, using only splits up to it.

    Parameters
    ----------
    bars : pl.DataFrame
        `Bars` as of the session.
    actions : pl.DataFrame
        `CorporateActions`.

    Returns
    -------
    pl.DataFrame
        `Bars` with prices divided, and volumes multiplied, by the ratio of every later split.
    """
    splits = (
        actions.filter((pl.col("kind") == "split") & (pl.col("ex_date") <= session))
        .select("symbol", "ex_date", ratio=pl.col("ratio").cast(pl.Float64))
        .sort("symbol", "ex_date", descending=[False, True])
        .with_columns(factor=pl.col("ratio").cum_prod().over("symbol"))
        .select("symbol", "factor", last_before=pl.col("ex_date") - pl.duration(days=1))
        .sort("last_before")
    )
    prices = [(pl.col(name) / pl.col("factor")).alias(name) for name in _VALUES[:4]]
    return (
        bars.sort("session")
        .join_asof(
            splits,
            left_on="session",
            right_on="last_before",
            by="symbol",
            strategy="forward",
            check_sortedness=False,
        )
        .with_columns(pl.col("factor").fill_null(1.0))
        .with_columns(*prices, volume=pl.col("volume") * pl.col("factor"))
        .select(polars_schema(Bars).names())
        .sort("symbol", "session")
    )
