"""What a step reads of the price history, and how it publishes what it learned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.session_run import SessionRun
from ballast.books.booked_splits import booked_splits, restated
from ballast.money import approximate
from ballast.tables import Bars, QualityFindings, polars_schema
from resources.history import PriceHistory

_FINDINGS = "quality_findings"


def known_bars(
    run: SessionRun, *, symbols: Sequence[str] | None = None, first: date | None = None
) -> pl.DataFrame:
    """Return the newest version of every bar known at the end of the session, or of some symbols or newer bars."""
    return PriceHistory(run.workspace.lake).as_of(run.session, symbols=symbols, first=first)


def known_closes(run: SessionRun, *, in_units_of_today: bool = False) -> pl.DataFrame:
    """Return `Bars` for valuation: the price history, and what statements say of securities that it does not know.

    Parameters
    ----------
    run : SessionRun
        Its session is the newest.
    in_units_of_today : bool
        Express what statements said before a split in the units after it, for who takes only the last close.
    """
    bars = known_bars(run)
    last_day = run.workspace.last_day_of(run.session)
    stated = run.workspace.statements.closes(last_day)
    others = stated.filter(~pl.col("symbol").is_in(bars["symbol"].unique().implode()))
    if others.is_empty():
        return bars
    if in_units_of_today:
        others = restated(others, booked_splits(run.workspace.ledger.read(run.session)))
    rows = others.select(
        "symbol",
        # A statement that ends on a weekend states the closes of the session before it.
        session=pl.min_horizontal("day", pl.lit(run.session)),
        known_on=pl.min_horizontal("day", pl.lit(run.session)),
        close=approximate(pl.col("close")),
        is_total_return=pl.lit(False),
        source=pl.lit("statement"),
    )
    return pl.concat([bars, rows.match_to_schema(polars_schema(Bars), missing_columns="insert")])


def known_actions(run: SessionRun) -> pl.DataFrame:
    """Return the corporate actions up to the session."""
    return PriceHistory(run.workspace.lake).actions(run.session)


def publish_history(
    run: SessionRun, versions: pl.DataFrame, actions: pl.DataFrame, findings: pl.DataFrame
) -> pl.DataFrame:
    """Publish what a run learned; rows that an earlier attempt at this session published stay.

    Returns
    -------
    pl.DataFrame
        `QualityFindings` of this session, those of earlier attempts included.
    """
    earlier = run.snapshot(_FINDINGS)
    if earlier.has(_FINDINGS, run.partition):
        stays = earlier.read(_FINDINGS, run.partition).filter(pl.col("rule") != "gap")
        findings = pl.concat([stays, findings])
    findings = findings.unique(["symbol", "session", "rule"], keep="last", maintain_order=True)
    findings = findings.sort("session", "symbol", "rule")
    made_by = {"run_id": run.run_id, "code_version": run.workspace.code_version}
    prices = PriceHistory(run.workspace.lake)
    besides = run.table(_FINDINGS, findings, QualityFindings)
    # Merged before, so that what this run learned stays visible as the segment of its session.
    prices.merge(as_of=run.session, **made_by)
    prices.publish(run.session, versions, actions, besides, **made_by)
    return findings
