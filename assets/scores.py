"""The asset of the scores: how good each security looks, and what each account should think of its own."""

import dagster as dg
import polars as pl

from assets.history import known_actions, known_bars
from assets.metadata import check, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.configuration import target_weights_table
from ballast.planning.scores.fundamentals import newest_known
from ballast.planning.scores.groups import GROUPS
from ballast.planning.scores.position import Books, position_scores
from ballast.planning.scores.security import security_scores as score
from ballast.planning.scores.standing import Grouping, grouping
from ballast.reporting.score_charts import MOST_WEBS, scores_chart
from ballast.tables import Fundamentals, PositionScores, SecurityScores
from resources.workspace_resource import WorkspaceResource

_SHOWN_AT_EACH_END = 8


@dg.asset(
    group_name="insight",
    kinds={"polars", "parquet"},
    deps=[
        "securities", "historical_data", "corporate_actions", "postings", "tax_lots",
        "positions_snapshot",
    ],
    metadata=definition_metadata(SecurityScores),
    check_specs=[
        dg.AssetCheckSpec(
            "scores_rest_on_known_inputs",
            asset="security_scores",
            description="Enough of the inputs of every security held are known for its score to mean something.",
        )
    ],
)  # fmt: skip
def security_scores(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """Every security's groups, metrics and quality from 0 to 1, and per account the spread, windfalls and sales."""
    run = SessionRun.of(context, workspace)
    portfolio = run.workspace.portfolio
    listed, ledger, lots, positions = run.read(
        "securities", "postings", "tax_lots", "positions_snapshot"
    )
    symbols = listed.filter(pl.col("kind") != "index")["symbol"].to_list()
    source = run.workspace.fundamentals
    stated = source.fundamentals(symbols, run.session, _remembered(run))
    bars, actions = known_bars(run, symbols=symbols), known_actions(run)
    table = score(
        symbols, bars, actions, stated, run.session, portfolio.scores, portfolio.performance
    )
    # The configured targets, because those that an optimiser finds may rest on these scores.
    targets = target_weights_table(portfolio)
    countries, industries = (_grouping(run, listed, name) for name in ("country", "industry"))
    of_positions = position_scores(
        table, listed, Books(positions, lots, ledger), targets, countries, industries, run.session,
        portfolio.scores, minimum_hold_days=portfolio.trading.minimum_hold_days,
    )  # fmt: skip
    run.publish(
        run.table("security_scores", table, SecurityScores),
        run.table("position_scores", of_positions, PositionScores),
        run.table("fundamentals", newest_known(stated, run.session), Fundamentals),
    )
    held = of_positions.filter("is_held")["symbol"].unique()
    least = portfolio.scores.known_share
    doubtful = table.filter(
        pl.col("symbol").is_in(held.implode()) & (pl.col("known_share") < least)
    )
    return run.result(
        "security_scores",
        table,
        rows=_best_and_worst(table),
        metadata={
            "plot": plot(scores_chart(_webs(table, of_positions)), "Groups of the best positions"),
            "positions": dg.MetadataValue.md(markdown_table(_shown(of_positions))),
            "sales": dg.MetadataValue.md(markdown_table(_sales(of_positions))),
            "missing": dg.MetadataValue.md(markdown_table(_missing(table))),
        },
        checks=[
            check(
                "scores_rest_on_known_inputs",
                "security_scores",
                passed=doubtful.is_empty(),
                session=run.session,
                found=(
                    f"{held.len()} securities held, {doubtful.height} with known inputs for less than {least:.0%} of"
                    " the weights"
                ),
                rows=doubtful.select("symbol", "known_share", "history_sessions", "missing"),
            )
        ],
    )


def _remembered(run: SessionRun) -> pl.DataFrame:
    """Return the fundamental figures that this session or the newest one before it published."""
    snapshot = run.workspace.lake.snapshot(("fundamentals",))
    past = [key for key in snapshot.partitions("fundamentals") if key <= run.partition]
    return snapshot.read("fundamentals", past[-1]) if past else Fundamentals.create_empty()


def _grouping(run: SessionRun, listed: pl.DataFrame, column: str) -> Grouping:
    portfolio = run.workspace.portfolio
    groups = portfolio.country_groups if column == "country" else portfolio.industry_groups
    accounts = list(portfolio.base_currencies)
    return grouping(listed, column, groups, accounts, target_weights_table(portfolio))


def _best_and_worst(table: pl.DataFrame) -> pl.DataFrame:
    ranked = table.sort("quality", "symbol", descending=[True, False]).select(
        "symbol", "quality", "known_share", *GROUPS
    )
    if ranked.height <= 2 * _SHOWN_AT_EACH_END:
        return ranked
    return pl.concat([ranked.head(_SHOWN_AT_EACH_END), ranked.tail(_SHOWN_AT_EACH_END)])


def _webs(table: pl.DataFrame, of_positions: pl.DataFrame) -> pl.DataFrame:
    """Return the groups of the positions with the highest totals; of the best securities where nothing is held."""
    held = of_positions.filter("is_held").join(table, on="symbol", maintain_order="left")
    if held.is_empty():
        best = table.sort("quality", "symbol", descending=[True, False]).head(MOST_WEBS)
        return best.select(
            *GROUPS, diversification=pl.lit(None, pl.Float64), title=_title("symbol", "quality")
        )
    best = held.sort("total", "account_id", "symbol", descending=[True, False, False])
    title = pl.concat_str(pl.lit(""), "account_id", pl.lit(": "), _title("symbol", "total"))
    return best.head(MOST_WEBS).select(*GROUPS, "diversification", title=title)


def _title(name: str, value: str) -> pl.Expr:
    return pl.format("{} {}", name, pl.col(value).round(2))


def _shown(of_positions: pl.DataFrame) -> pl.DataFrame:
    return of_positions.sort("account_id", "total", descending=[False, True]).select(
        "account_id", "symbol", "weight", "total", "diversification", "geography", "industry",
        "averaging", gain_share="gain", excess_share="windfall_excess", windfall="windfall_reason",
    )  # fmt: skip


def _sales(of_positions: pl.DataFrame) -> pl.DataFrame:
    held = of_positions.filter("is_held")
    return held.sort("account_id", "sell_score", descending=[False, True]).select(
        "account_id", "symbol", "sell_score", "underperformance", "time_held", "portfolio_balance",
        "instability", "drawdown", to_sell=_percent("sell_share"), windfall=_percent("windfall_share"),
        blocked_by=pl.col("sell_blocked_by").fill_null("nothing"),
    )  # fmt: skip


def _percent(name: str) -> pl.Expr:
    """Write a share that is null where there is none."""
    return pl.format("{} %", (pl.col(name) * 100).round(1)).fill_null("none")


def _missing(table: pl.DataFrame) -> pl.DataFrame:
    """Return which inputs are unknown, the same ones in one row."""
    return (
        table.filter(pl.col("missing").is_not_null())
        .group_by("missing")
        .agg(securities=pl.col("symbol").sort().str.join(", "), count=pl.len())
        .sort("count", "missing", descending=[True, False])
        .select("count", "missing", "securities")
    )
