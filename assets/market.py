"""Assets of the market: what may be held, its history, its price, and what currencies are worth."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.history import known_actions, known_bars, known_closes, publish_history
from assets.metadata import check, definition_metadata, markdown_table
from assets.session_run import SessionRun
from ballast.errors import MarketDataError
from ballast.market import history, quality
from ballast.market.exchange_rates import cross_rates
from ballast.market.prices import latest_prices
from ballast.tables import (
    Bars,
    ExchangeRates,
    KnownActions,
    Prices,
    Securities,
)
from resources.workspace_resource import WorkspaceResource

_GROUP = "market"
# Sources correct recent bars; older ones change only when history is loaded anew.
_CORRECTION_WINDOW = timedelta(days=14)
_GAP_WINDOW = timedelta(days=92)


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["statement_import"],
    metadata=definition_metadata(Securities),
)
def securities(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """What may be held or watched: the securities of the portfolio file, and those that only statements name."""
    run = SessionRun.of(context, workspace)
    table = run.workspace.securities(run.session)
    run.publish(run.table("securities", table, Securities))
    return run.result("securities", table, rows=table.select("symbol", "name", "exchange").head(30))


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "historical_data",
            description=(
                "Daily bars as traded: all history at first, then only what is missing. A late correction becomes a new"
                " version, so that earlier sessions still see what was known then."
            ),
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["securities"],
            metadata=definition_metadata(Bars),
        ),
        dg.AssetSpec(
            "corporate_actions",
            description="Splits and cash dividends up to the session, in shares of their ex date.",
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["securities"],
            metadata=definition_metadata(KnownActions),
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "bars_pass_the_quality_gates",
            asset="historical_data",
            description="No bar of the last three months had to be kept out.",
        ),
        dg.AssetCheckSpec(
            "no_gaps_against_the_calendar",
            asset="historical_data",
            description="Every session of the last three months has a bar for every quoted security.",
        ),
    ],
)
def historical_data(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """Load what is missing, judge it, and publish new versions."""
    run = SessionRun.of(context, workspace)
    settings = run.workspace.portfolio.market_data
    table = run.workspace.securities(run.session)
    before = known_bars(run)
    observed, actions = _fetch(run, before, settings.history_start)
    actions = history.combine_actions([known_actions(run), actions])
    judged = quality.judge(observed, before, actions, jump_limit=settings.jump_limit)
    versions = history.new_versions(before, judged.accepted, run.session)
    corrected = history.corrections(before, versions)
    after = history.as_of(pl.concat([before, versions]), run.session)
    recent = run.session - _GAP_WINDOW
    gaps = quality.gaps(after, table, run.workspace.calendars(run.session), recent, run.session)
    findings = publish_history(run, versions, actions, pl.concat([judged.findings, gaps]))

    quarantined = findings.filter(pl.col("is_quarantined") & (pl.col("session") >= recent))
    yield run.result(
        "historical_data",
        after,
        rows=after.filter(pl.col("session") == run.session)
        .select("symbol", "session", "open", "high", "low", "close", "volume")
        .head(30),
        metadata={
            "new_bars": versions.height,
            "corrected_bars": corrected.height,
            "corrections": dg.MetadataValue.md(markdown_table(corrected.head(20))),
            "quarantined_bars": quarantined.height,
            "findings": dg.MetadataValue.md(markdown_table(findings.tail(20))),
        },
        checks=[
            _nothing_found(
                run, "bars_pass_the_quality_gates", "historical_data", quarantined, "bars kept out"
            ),
            _nothing_found(
                run, "no_gaps_against_the_calendar", "historical_data", gaps, "bars missing"
            ),
        ],
    )
    yield run.result("corporate_actions", actions, rows=actions.sort("ex_date").tail(10))


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["securities", "historical_data"],
    metadata=definition_metadata(Prices),
    check_specs=[
        dg.AssetCheckSpec(
            "prices_are_fresh",
            asset="prices",
            description="Every security has a price from its exchange's last session.",
        )
    ],
)
def prices(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """The last known close of every security, with its age in sessions; too old a price blocks planning for it."""
    run = SessionRun.of(context, workspace)
    table = latest_prices(
        known_closes(run, in_units_of_today=True),
        run.workspace.securities(run.session),
        run.workspace.calendars(run.session),
        run.session,
        stale_limit=run.workspace.portfolio.market_data.stale_limit,
    )
    run.publish(run.table("prices", table, Prices))
    stale = table.filter(pl.col("is_stale"))
    return run.result(
        "prices",
        table,
        rows=table.head(30),
        metadata={"stale": stale.height, "blocked": int(table["blocks_planning"].sum())},
        checks=[_nothing_found(run, "prices_are_fresh", "prices", stale, "stale prices")],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["securities", "postings"],
    metadata=definition_metadata(ExchangeRates),
)
def exchange_rates(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Central bank rates between all currencies in use: units of `to` per one `from`. A missing rate is an error."""
    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    limit = portfolio.market_data.rate_age_limit
    reference, currencies = fixings(run, run.session - timedelta(days=limit))
    table = cross_rates(reference, currencies, run.session, age_limit=limit)
    run.publish(run.table("exchange_rates", table, ExchangeRates))
    shown = table.filter(pl.col("from_currency") == portfolio.base_currency)
    return run.result("exchange_rates", table, rows=shown)


def fixings(run: SessionRun, first: date) -> tuple[pl.DataFrame, list[str]]:
    """Return the reference rates, and the currencies that they allow to convert.

    A currency of the portfolio must have one; of another that was booked, the value is unknown without.
    """
    source, needed = run.workspace.reference_rates, list(run.workspace.portfolio.currencies)
    found = [source.reference_rates(needed, first, run.session)]
    for booked in sorted(set(run.workspace.currencies(run.session)) - set(needed)):
        try:
            of_one = source.reference_rates([booked], first, run.session)
        except MarketDataError:
            continue
        if of_one.height:
            found.append(of_one)
            needed.append(booked)
    return pl.concat(found), needed


def _fetch(
    run: SessionRun, known: pl.DataFrame, history_start: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    source = run.workspace.market_data
    symbols = [security.symbol for security in run.workspace.portfolio.securities]
    asked = history.windows(
        known, symbols, run.session, history_start=history_start, overlap=_CORRECTION_WINDOW
    )
    bars = [source.bars(group, start, run.session) for start, group in asked.items()]
    actions = [
        source.corporate_actions(group, start, run.session) for start, group in asked.items()
    ]
    return pl.concat(bars), pl.concat(actions)


def _nothing_found(
    run: SessionRun, name: str, asset: str, rows: pl.DataFrame, what: str
) -> dg.AssetCheckResult:
    found = f"{rows.height} {what}"
    return check(name, asset, passed=rows.is_empty(), session=run.session, found=found, rows=rows)
