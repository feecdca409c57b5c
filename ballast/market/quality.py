"""Quality gates of the price history: what is kept out, what is let in, and what is reported.

Rules: `duplicate_session` (two different bars for one session), the rules of `Bars` by name (non-positive prices, high
and low that do not enclose), `spike` (a jump that the next bar takes back), `jump_unconfirmed` (a jump in the newest
bar: kept out until the next session confirms it), `jump_confirmed` (a level shift that stayed; let in, known one
session later) and `gap` (a session of the exchange without a bar; reported only).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ballast.calendars import TradingCalendars
from ballast.tables import Bars, QualityFindings, polars_schema

_BAR = ["symbol", "session"]


@dataclass(frozen=True)
class Judgement:
    """Bars that passed, and findings about those that did not."""

    accepted: pl.DataFrame
    findings: pl.DataFrame


def judge(
    observed: pl.DataFrame,
    context: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    jump_limit: float,
) -> Judgement:
    """Apply every gate that looks at the bars themselves.

    Parameters
    ----------
    observed : pl.DataFrame
        Bars as received, without `known_on`; any order, repeated rows allowed.
    context : pl.DataFrame
        `Bars` known before the first observed session, to judge its jump.
    actions : pl.DataFrame
        `CorporateActions`; a jump that a split explains is none.
    jump_limit : float
        Largest daily move, as a share, that needs no confirmation.

    Returns
    -------
    Judgement
        Accepted `Bars` with `known_on`, and `QualityFindings`.
    """
    bars = observed.with_columns(known_on=pl.col("session")).select(polars_schema(Bars).names())
    bars = bars.unique(maintain_order=True).sort(_BAR)
    twice = bars.group_by(_BAR).len().filter(pl.col("len") > 1)
    findings = [
        _findings(twice, "duplicate_session", pl.format("{} different bars", pl.col("len")))
    ]
    bars = bars.join(twice, on=_BAR, how="anti", maintain_order="left")

    result = Bars.filter(bars, cast=True)
    invalid = result.failure.details()
    for rule in result.failure.counts():
        broken = invalid.filter(pl.col(rule) == "invalid")
        findings.append(_findings(broken, rule, pl.format("close {}", pl.col("close"))))

    valid, jumps = _judge_jumps(pl.DataFrame(result.result), context, actions, jump_limit)
    return Judgement(valid, pl.concat([*findings, jumps]).unique([*_BAR, "rule"]).sort(_BAR))


def gaps(
    bars: pl.DataFrame,
    securities: pl.DataFrame,
    calendars: TradingCalendars,
    first: date,
    last: date,
) -> pl.DataFrame:
    """Report the sessions between first and last on which a security that was already quoted has no bar."""
    starts = dict(bars.group_by("symbol").agg(pl.col("session").min()).sort("symbol").iter_rows())
    expected = [
        {"symbol": symbol, "session": session, "exchange": exchange}
        for symbol, exchange in securities.select("symbol", "exchange").iter_rows()
        if symbol in starts
        for session in calendars.sessions_between(exchange, max(first, starts[symbol]), last)
    ]
    schema = {"symbol": pl.String, "session": pl.Date, "exchange": pl.String}
    missing = pl.DataFrame(expected, schema=schema).join(
        bars, on=_BAR, how="anti", maintain_order="left"
    )
    detail = pl.format("{} was open, no bar", pl.col("exchange"))
    return _findings(missing, "gap", detail, is_quarantined=False).sort(_BAR)


def _judge_jumps(
    bars: pl.DataFrame, context: pl.DataFrame, actions: pl.DataFrame, limit: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    moved = _moves(bars, context, actions)
    is_spike = (
        (pl.col("move").abs() > limit)
        & (pl.col("next_move").abs() > limit)
        & (pl.col("move").sign() != pl.col("next_move").sign())
    )
    spikes = moved.filter(is_spike.fill_null(False))
    moved = _moves(bars.join(spikes, on=_BAR, how="anti"), context, actions)

    jumps = moved.filter((pl.col("move").abs() > limit).fill_null(False))
    unconfirmed = jumps.filter(pl.col("next_session").is_null())
    confirmed = jumps.filter(pl.col("next_session").is_not_null())
    accepted = (
        bars.join(spikes, on=_BAR, how="anti", maintain_order="left")
        .join(unconfirmed, on=_BAR, how="anti", maintain_order="left")
        .join(confirmed.select(*_BAR, "next_session"), on=_BAR, how="left", maintain_order="left")
        .with_columns(known_on=pl.coalesce("next_session", "known_on"))
        .drop("next_session")
    )
    detail = pl.format("{}% in one session", (pl.col("move") * 100).round(1))
    return accepted, pl.concat(
        [
            _findings(spikes, "spike", detail),
            _findings(unconfirmed, "jump_unconfirmed", detail),
            _findings(confirmed, "jump_confirmed", detail, is_quarantined=False),
        ]
    )


def _moves(bars: pl.DataFrame, context: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Add move (against the bar before, splits undone), next_move and next_session."""
    first = bars.group_by("symbol").agg(first=pl.col("session").min())
    before = (
        context.join(first, on="symbol")
        .filter(pl.col("session") < pl.col("first"))
        .sort(_BAR)
        .group_by("symbol", maintain_order=True)
        .tail(1)
        .select(*_BAR, "close", is_context=pl.lit(True))
    )
    splits = actions.filter(pl.col("kind") == "split").select(
        "symbol", session="ex_date", ratio=pl.col("ratio").cast(pl.Float64)
    )
    series = (
        pl.concat([before, bars.select(*_BAR, "close", is_context=pl.lit(False))])
        .join(splits, on=_BAR, how="left")
        .sort(_BAR)
    )
    undone = pl.col("close") * pl.col("ratio").fill_null(1.0)
    series = series.with_columns(move=undone / pl.col("close").shift(1).over("symbol") - 1)
    return series.with_columns(
        next_move=pl.col("move").shift(-1).over("symbol"),
        next_session=pl.col("session").shift(-1).over("symbol"),
    ).filter(~pl.col("is_context"))


def _findings(
    rows: pl.DataFrame, rule: str, detail: pl.Expr, *, is_quarantined: bool = True
) -> pl.DataFrame:
    return rows.select(
        "symbol",
        "session",
        rule=pl.lit(rule),
        detail=detail,
        is_quarantined=pl.lit(is_quarantined),
    ).cast(polars_schema(QualityFindings))
