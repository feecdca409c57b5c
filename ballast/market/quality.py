"""Quality gates of the price history: what is kept out, what is let in, and what is reported.

Rules: `duplicate_session` (two different bars for one session), the rules of `Bars` by name (non-positive prices, high
and low that do not enclose), `spike` (a jump that the next bar takes back), `jump_unconfirmed` (a jump in the newest
bar: kept out until the next session confirms it), `jump_confirmed` (a level shift that stayed; let in, known one
session later) and `gap` (a session of the exchange without a bar; reported only).

Invariant: a verdict looks one bar ahead and no further, and never changes: judging a history day by day as it arrives
gives every day the same view as judging it at once.
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
    bars = observed.with_columns(
        pl.col("open", "high", "low", "volume").fill_nan(None), known_on=pl.col("session")
    ).select(polars_schema(Bars).names())
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
        close = pl.col("close").cast(pl.String).fill_null("unknown")
        findings.append(_findings(broken, rule, pl.format("close {}", close)))

    valid, jumps = _judge_jumps(pl.DataFrame(result.result), context, actions, jump_limit)
    found = pl.concat([*findings, jumps]).unique([*_BAR, "rule"])
    return Judgement(valid, found.sort(*_BAR, "rule"))


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
    present = bars.filter(pl.col("session").is_between(first, last))
    missing = pl.DataFrame(expected, schema=schema).join(
        present, on=_BAR, how="anti", maintain_order="left"
    )
    detail = pl.format("{} was open, no bar", pl.col("exchange"))
    return _findings(missing, "gap", detail, is_quarantined=False).sort(_BAR)


def _judge_jumps(
    bars: pl.DataFrame, context: pl.DataFrame, actions: pl.DataFrame, limit: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    levels = _levels(bars, context, actions)
    move = (pl.col("level") / pl.col("level").shift(1).over("symbol") - 1).abs()
    jumpy = levels.filter((move > limit).any().over("symbol"))
    rows = [
        {"symbol": symbol, **verdict}
        for (symbol,), series in jumpy.group_by("symbol", maintain_order=True)
        for verdict in _verdicts(series["session"].to_list(), series["level"].to_list(), limit)
    ]
    schema = {
        "symbol": pl.String, "session": pl.Date, "rule": pl.String, "move": pl.Float64,
        "confirmed_on": pl.Date,
    }  # fmt: skip
    verdicts = pl.DataFrame(rows, schema=schema)
    confirmed = verdicts.filter(pl.col("rule") == "jump_confirmed")
    kept_out = verdicts.filter(pl.col("rule") != "jump_confirmed")
    accepted = (
        bars.join(kept_out, on=_BAR, how="anti", maintain_order="left")
        .join(confirmed.select(*_BAR, "confirmed_on"), on=_BAR, how="left", maintain_order="left")
        .with_columns(known_on=pl.coalesce("confirmed_on", "known_on"))
        .drop("confirmed_on")
    )
    detail = pl.format("{}% in one session", (pl.col("move") * 100).round(1))
    findings = [
        _findings(confirmed, pl.col("rule"), detail, is_quarantined=False),
        _findings(kept_out, pl.col("rule"), detail),
    ]
    return accepted, pl.concat(findings)


def _verdicts(sessions: list[date], levels: list[float], limit: float) -> list[dict[str, object]]:
    """Judge each jump by the one bar after it, so that no verdict depends on when it is asked for.

    The first bar is the reference. A bar that jumps from the reference waits for the next one: nearer to the reference
    than to the jump (in proportion) it takes the jump back, otherwise the jump stays and becomes the reference.
    """
    verdicts: list[dict[str, object]] = []

    def found(rule: str, at: int, confirmed_on: date | None = None) -> None:
        move = levels[at] / reference - 1
        verdicts.append(
            {"session": sessions[at], "rule": rule, "move": move, "confirmed_on": confirmed_on}
        )

    reference = levels[0]
    waiting: int | None = None
    for at in range(1, len(levels)):
        if waiting is not None:
            if _ratio(levels[at], reference) < _ratio(levels[at], levels[waiting]):
                found("spike", waiting)
            else:
                found("jump_confirmed", waiting, sessions[at])
                reference = levels[waiting]
            waiting = None
        if abs(levels[at] / reference - 1) > limit:
            waiting = at
        else:
            reference = levels[at]
    if waiting is not None:
        found("jump_unconfirmed", waiting)
    return verdicts


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)


def _levels(bars: pl.DataFrame, context: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return the closes with all splits so far undone, and before them the last one known of each symbol."""
    first = bars.group_by("symbol").agg(first=pl.col("session").min())
    before = (
        context.select(*_BAR, "close")
        .join(first, on="symbol")
        .filter(pl.col("session") < pl.col("first"))
        .group_by("symbol")
        .agg(pl.col("session", "close").sort_by("session").last())
        .sort("symbol")
    )
    # Splits are undone between bars rather than on the ex date, which may have no bar of its own.
    splits = (
        actions.filter(pl.col("kind") == "split")
        .sort("symbol", "ex_date")
        .select(
            "symbol",
            session="ex_date",
            factor=pl.col("ratio").cast(pl.Float64).cum_prod().over("symbol"),
        )
    )
    return (
        pl.concat([before.select(*_BAR, "close"), bars.select(*_BAR, "close")])
        .sort("session")
        .join_asof(splits.sort("session"), on="session", by="symbol", check_sortedness=False)
        .select(*_BAR, level=pl.col("close") * pl.col("factor").fill_null(1.0))
        .sort(_BAR)
    )


def _findings(
    rows: pl.DataFrame, rule: str | pl.Expr, detail: pl.Expr, *, is_quarantined: bool = True
) -> pl.DataFrame:
    return rows.select(
        "symbol",
        "session",
        rule=pl.lit(rule) if isinstance(rule, str) else rule,
        detail=detail,
        is_quarantined=pl.lit(is_quarantined),
    ).cast(polars_schema(QualityFindings))
