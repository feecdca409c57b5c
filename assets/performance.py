"""Assets of performance: what the portfolio was worth, what it returned, and where that came from."""

from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.history import known_actions, known_closes
from assets.market import fixings
from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.books.attribution import contributions, linked_contributions
from ballast.books.booked_splits import booked_splits
from ballast.books.performance import Performance
from ballast.books.performance import portfolio_performance as measure
from ballast.books.positions import known_postings
from ballast.books.valuation import Valuation, value_portfolios
from ballast.market.daily_rates import daily_rates
from ballast.reporting.performance_charts import attribution_chart, performance_chart
from ballast.tables import (
    Contributions,
    Drawdowns,
    PerformanceMeasures,
    PeriodContributions,
    PeriodReturns,
    PortfolioValues,
    RollingMeasures,
    Turnover,
)
from resources.workspace_resource import WorkspaceResource

_SHOWN_LEVELS = ("total", "account")
# The sum of the parts is checked in floats.
_NOISE = 1e-9
_SESSIONS_KEPT = 252


@dg.asset(
    group_name="books",
    kinds={"polars", "parquet"},
    deps=["securities", "postings", "historical_data", "exchange_rates"],
    metadata=definition_metadata(PerformanceMeasures),
    check_specs=[
        dg.AssetCheckSpec(
            "every_value_is_known",
            asset="portfolio_performance",
            description="The value of every portfolio is known in every session since its first posting.",
        ),
        dg.AssetCheckSpec(
            "contributions_add_up",
            asset="portfolio_performance",
            description="What securities, countries and currencies contributed adds up to the return of each day.",
        ),
    ],
)
def portfolio_performance(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Value, time- and money-weighted return, ratios, drawdowns and attribution since the first posting.

    A deposit is no performance; a value that cannot be known is unknown, never zero.
    """
    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    ledger, securities = run.read("postings", "securities")
    valuation = _valued(run, ledger, securities)
    settings = portfolio.performance
    found = measure(
        valuation, risk_free=settings.risk_free, periods_per_year=settings.sessions_per_year
    )
    daily = pl.concat([contributions(valuation, securities, level) for level in _SHOWN_LEVELS])
    attribution = linked_contributions(
        daily,
        found.returns.filter(pl.col("level").is_in(_SHOWN_LEVELS)),
        periods_per_year=settings.sessions_per_year,
    )
    run.publish(
        run.table("portfolio_performance", found.measures, PerformanceMeasures),
        run.table("portfolio_values", valuation.portfolios, PortfolioValues),
        run.table("portfolio_returns", found.drawdowns, Drawdowns),
        run.table("portfolio_rolling", found.rolling, RollingMeasures),
        run.table("portfolio_periods", found.periods, PeriodReturns),
        run.table("portfolio_turnover", found.turnover, Turnover),
        run.table("daily_contributions", _newest(daily), Contributions),
        run.table("portfolio_attribution", attribution, PeriodContributions),
    )
    unknown = valuation.portfolios.filter(pl.col("unknown_reason").is_not_null())
    return run.result(
        "portfolio_performance",
        found.measures,
        rows=_shown(found.measures),
        metadata={
            "plot": plot(_value_chart(valuation, found), "Value and drawdown"),
            "attribution": plot(
                attribution_chart(attribution.filter(pl.col("level") == "total")),
                "Where the return came from",
            ),
            "by_year": dg.MetadataValue.md(markdown_table(_by_year(found.periods))),
            "turnover": dg.MetadataValue.md(
                markdown_table(
                    found.turnover.filter(pl.col("level") != "bucket").with_columns(
                        pl.col("mean_value_base", "turnover").round(4)
                    )
                )
            ),
            "base_currency": valuation.base_currency,
        },
        checks=[
            check(
                "every_value_is_known",
                "portfolio_performance",
                passed=unknown.is_empty(),
                session=run.session,
                found=f"{valuation.portfolios.height} values, {unknown.height} of them unknown",
                rows=unknown.select("level", "subject", "session", "unknown_reason"),
            ),
            _sums_check(run, daily, found),
        ],
    )


def _newest(daily: pl.DataFrame) -> pl.DataFrame:
    """Return the contributions of the last sessions; those before can be computed again from the postings."""
    sessions = daily["session"].unique().sort().tail(_SESSIONS_KEPT)
    return daily.filter(pl.col("session").is_in(sessions.implode()))


def _valued(run: SessionRun, ledger: pl.DataFrame, securities: pl.DataFrame) -> Valuation:
    accounts = list(run.workspace.portfolio.base_currencies)
    known = known_postings(ledger, run.session).filter(pl.col("account_id").is_in(accounts))
    first = known["occurred_at"].dt.date().min()
    calendars, exchanges = run.workspace.portfolio_calendars, run.workspace.portfolio.exchanges
    sessions = (
        calendars.sessions_of_any(exchanges, first, run.session) if isinstance(first, date) else []
    )
    base = run.workspace.portfolio.base_currency
    limit = run.workspace.portfolio.market_data.rate_age_limit
    begins = (sessions[0] if sessions else run.session) - timedelta(days=limit)
    reference, currencies = fixings(run, begins)
    rates = daily_rates(reference, currencies, base, sessions, age_limit=limit)
    closes, actions = known_closes(run), known_actions(run)
    stated = closes.filter(pl.col("source") == "statement")["symbol"].unique()
    own_splits = booked_splits(known).filter(pl.col("symbol").is_in(stated.implode()))
    return value_portfolios(
        known, securities, closes, pl.concat([actions, own_splits]), rates, sessions, base
    )


def _sums_check(run: SessionRun, daily: pl.DataFrame, found: Performance) -> dg.AssetCheckResult:
    key = ["level", "subject", "session"]
    sums = daily.group_by(*key, "dimension").agg(pl.col("contribution").sum())
    both = sums.join(found.returns, on=key)
    apart = both.filter((pl.col("contribution") - pl.col("daily_return")).abs() > _NOISE)
    return check(
        "contributions_add_up",
        "portfolio_performance",
        passed=apart.is_empty(),
        session=run.session,
        found=f"{both.height} sums, {apart.height} differ from the return of the day",
        rows=apart.select(*key, "dimension", "contribution", "daily_return"),
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _value_chart(valuation: Valuation, found: Performance) -> bytes:
    is_shown = pl.col("level").is_in(_SHOWN_LEVELS)
    return performance_chart(
        valuation.portfolios.filter(is_shown),
        found.drawdowns.filter(is_shown),
        valuation.base_currency,
    )


def _shown(measures: pl.DataFrame) -> pl.DataFrame:
    percent = {
        "total_return": "return", "annual_return": "return per year",
        "money_weighted_return": "internal rate of return", "volatility": "volatility",
        "max_drawdown": "deepest drawdown", "current_drawdown": "drawdown now",
    }  # fmt: skip
    return measures.filter(pl.col("level") != "bucket").select(
        "level", "subject", "first_session",
        *((pl.col(name) * 100).round(2).alias(f"{label} %") for name, label in percent.items()),
        *(pl.col(name).round(2) for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio")),
    )  # fmt: skip


def _by_year(periods: pl.DataFrame) -> pl.DataFrame:
    yearly = periods.filter((pl.col("period") == "year") & (pl.col("level") != "bucket"))
    return yearly.select(
        "subject",
        pl.col("first_day").dt.year().cast(pl.String).alias("year"),
        (pl.col("total_return") * 100).round(2).alias("return %"),
    ).sort("subject", "year")
