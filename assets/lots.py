"""Assets of the tax lots: what is held by purchase, and what sales have realised."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.metadata import check, column_lineage, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from ballast.books.lots.book import (
    gains_by_year,
    match_postings,
    realised_gains,
)
from ballast.books.lots.book import (
    tax_lots as valued_lots,
)
from ballast.books.lots.events import lot_events
from ballast.books.lots.wash_sales import defer_losses
from ballast.books.positions import known_postings, quantities
from ballast.configuration import Portfolio
from ballast.reporting.charts import gains_chart
from ballast.tables import RealisedGains, TaxLots
from resources.workspace_resource import WorkspaceResource

_GROUP = "books"
_LINEAGE = column_lineage(
    {
        "quantity": [("postings", "quantity")],
        "cost_basis": [("postings", "counter_value"), ("postings", "quantity")],
        "value": [("postings", "quantity"), ("prices", "price")],
    }
)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "tax_lots",
            description=(
                "What is held by purchase: when each lot was acquired, what is left of it, what it cost and whether it"
                " is held for more than a year. Sales use up lots by the method of the account."
            ),
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["securities", "postings", "prices"],
            metadata=definition_metadata(TaxLots),
        ),
        dg.AssetSpec(
            "realised_gains",
            description=(
                "What every sale, and every purchase that covers a short sale, has realised, lot by lot, with the"
                " holding term; by year and account in the metadata. `ballast export` writes it for a tax adviser."
            ),
            group_name=_GROUP,
            kinds={"polars", "parquet"},
            deps=["securities", "postings"],
            metadata=definition_metadata(RealisedGains),
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "lots_add_up_to_the_positions",
            asset="tax_lots",
            description="The units of all lots of a security are the units that its postings sum to.",
        ),
        dg.AssetCheckSpec(
            "every_basis_is_known",
            asset="tax_lots",
            description="No lot came without its cost; an unknown basis is never taken for zero.",
        ),
        dg.AssetCheckSpec(
            "every_sale_has_a_basis",
            asset="realised_gains",
            description="The gain of every sale is known.",
        ),
    ],
)
def lots_of_accounts(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """Match all trades of all accounts anew, from postings only."""
    run = SessionRun.of(context, workspace)
    ledger, securities, prices = run.read("postings", "securities", "prices")
    accounts = list(run.workspace.portfolio.base_currencies)
    known = known_postings(ledger, run.session).filter(pl.col("account_id").is_in(accounts))
    exchanges = dict(securities.select("symbol", "exchange").iter_rows())
    known = _with_choices(known, run.workspace.portfolio)
    matched = match_postings(known, exchanges, run.workspace.portfolio.lot_methods)
    gains, open_lots = realised_gains(matched.matches), matched.lots
    if run.workspace.portfolio.taxes.wash_sales:
        deferred = defer_losses(matched, lot_events(known, exchanges))
        gains, open_lots = deferred.gains, deferred.lots
    lots = valued_lots(open_lots, prices, securities, run.session)
    years = gains_by_year(gains)
    run.publish(
        run.table("tax_lots", lots, TaxLots), run.table("realised_gains", gains, RealisedGains)
    )

    apart = _apart(lots, known.filter(pl.col("commodity").is_in(list(exchanges))))
    unknown = lots.filter(pl.col("cost_basis").is_null())
    yield run.result(
        "tax_lots",
        lots,
        rows=lots.select(
            "account_id", "symbol", "acquired_on", "quantity", "unit_cost", "cost_basis", "price",
            "value", "unrealised_gain", "currency", "term",
        ).head(60),
        metadata={
            "unknown_basis": unknown.height,
            "by_term": dg.MetadataValue.md(markdown_table(_by_term(lots))),
            "dagster/column_lineage": _LINEAGE,
        },
        checks=[
            check(
                "lots_add_up_to_the_positions",
                "tax_lots",
                passed=apart.is_empty(),
                session=run.session,
                found=f"{lots.height} lots, {apart.height} securities whose lots do not add up",
                rows=apart,
                severity=dg.AssetCheckSeverity.ERROR,
            ),
            check(
                "every_basis_is_known",
                "tax_lots",
                passed=unknown.is_empty(),
                session=run.session,
                found=f"{unknown.height} of {lots.height} lots have an unknown basis",
                rows=unknown.select("account_id", "symbol", "acquired_on", "quantity", "value"),
            ),
        ],
    )  # fmt: skip
    without = gains.filter(pl.col("gain").is_null())
    yield run.result(
        "realised_gains",
        gains,
        rows=gains.sort("closed_on", descending=True).select(
            "closed_on", "account_id", "symbol", "quantity", "acquired_on", "proceeds",
            "cost_basis", "gain", "currency", "term",
        ).head(40),
        metadata={
            "plot": plot(gains_chart(years), "Realised gains by year"),
            "by_year": dg.MetadataValue.md(
                markdown_table(years.with_columns(pl.col("tax_year").cast(pl.String)))
            ),
        },
        checks=[
            check(
                "every_sale_has_a_basis",
                "realised_gains",
                passed=without.is_empty(),
                session=run.session,
                found=f"{gains.height} closed lots, {without.height} of them with an unknown gain",
                rows=without.select("closed_on", "account_id", "symbol", "quantity", "proceeds"),
            )
        ],
    )  # fmt: skip


def _with_choices(postings: pl.DataFrame, portfolio: Portfolio) -> pl.DataFrame:
    """Note on each sale the lot that the owner chose for it."""
    choices = {choice.sale: choice.lot for choice in portfolio.lot_choices}
    chosen = pl.col("posting_id").replace_strict(choices, default=None, return_dtype=pl.String)
    return postings.with_columns(chosen_lot=pl.coalesce(chosen, "chosen_lot"))


def _apart(lots: pl.DataFrame, postings: pl.DataFrame) -> pl.DataFrame:
    """Return the securities whose lots do not add up to what the postings say."""
    by_lots = lots.group_by("account_id", commodity="symbol").agg(in_lots=pl.col("quantity").sum())
    both = quantities(postings).join(
        by_lots, on=["account_id", "commodity"], how="full", coalesce=True
    )
    return both.filter(pl.col("quantity").fill_null(0) != pl.col("in_lots").fill_null(0))


def _by_term(lots: pl.DataFrame) -> pl.DataFrame:
    return (
        lots.group_by("account_id", "currency", "term")
        .agg(pl.col("cost_basis", "value", "unrealised_gain").sum())
        .sort("account_id", "currency", "term")
    )
