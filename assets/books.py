"""Assets of the books: the ledger, and what it says is owned."""

import dagster as dg
import polars as pl

from assets.metadata import check, column_lineage, definition_metadata, markdown_table, plot
from assets.session_run import SessionRun
from assets.sync import import_events
from ballast.books.positions import account_values
from ballast.books.positions import positions_snapshot as snapshot_of
from ballast.reporting.charts import positions_chart
from ballast.tables import Positions, Postings
from resources.workspace_resource import WorkspaceResource

_GROUP = "books"
_LINEAGE = column_lineage(
    {
        "quantity": [("postings", "quantity")],
        "average_cost": [("tax_lots", "cost_basis"), ("tax_lots", "quantity")],
        "price": [("prices", "price")],
        "value": [("postings", "quantity"), ("prices", "price")],
        "value_base": [("postings", "quantity"), ("prices", "price"), ("exchange_rates", "rate")],
    }
)


@dg.asset(
    group_name=_GROUP,
    kinds={"sql", "parquet"},
    deps=["securities"],
    metadata=definition_metadata(Postings),
    check_specs=[
        dg.AssetCheckSpec(
            "all_accounts_imported",
            asset="postings",
            description="Every broker could be asked for fills and cash movements.",
        )
    ],
)
def postings(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The ledger: every fill and cash movement of the brokers, imported once however often it is reported."""
    run = SessionRun.of(context, workspace)
    imported = import_events(run)
    table = run.workspace.ledger.read(run.session)
    run.publish(run.table("postings", table, Postings))
    newest = table.sort("occurred_at", "posting_id", descending=True)
    return run.result(
        "postings",
        table,
        rows=newest.select("occurred_at", "account_id", "kind", "commodity", "quantity").head(10),
        metadata={"new_postings": imported.new, "unavailable": dict(imported.unavailable)},
        checks=[
            check(
                "all_accounts_imported",
                "postings",
                passed=not imported.unavailable,
                session=run.session,
                found=f"{imported.new} new postings, unavailable: {', '.join(imported.unavailable) or 'none'}",
            )
        ],
    )


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "parquet"},
    deps=["securities", "postings", "tax_lots", "prices", "exchange_rates"],
    metadata=definition_metadata(Positions),
    check_specs=[
        dg.AssetCheckSpec(
            "every_position_is_valued",
            asset="positions_snapshot",
            description="Price and exchange rate of every position are known.",
        )
    ],
)
def positions_snapshot(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """What is owned at the end of the session, from postings, lots, prices and rates, in native and base currency."""
    run = SessionRun.of(context, workspace)
    ledger, lots, securities, prices, rates = run.read(
        "postings", "tax_lots", "securities", "prices", "exchange_rates"
    )
    bases = run.workspace.portfolio.base_currencies
    table = snapshot_of(ledger, lots, securities, prices, rates, bases, run.session)
    run.publish(run.table("positions_snapshot", table, Positions))
    unvalued = table.filter(pl.col("value_base").is_null())
    return run.result(
        "positions_snapshot",
        table,
        rows=table.filter(~pl.col("is_cash"))
        .sort("account_id", "weight", descending=[False, True], nulls_last=True)
        .select(
            "account_id", "commodity", "quantity", "average_cost", "price", "value", "currency",
            "unrealised_gain", "value_base", "weight",
        ),
        metadata={
            "plot": plot(positions_chart(table), "Share of value"),
            "accounts": dg.MetadataValue.md(markdown_table(account_values(table))),
            "cash": dg.MetadataValue.md(
                markdown_table(
                    table.filter("is_cash").select(
                        "account_id", balance="quantity", currency="commodity", value_base="value_base"
                    )
                )
            ),
            "dagster/column_lineage": _LINEAGE,
        },
        checks=[
            check(
                "every_position_is_valued",
                "positions_snapshot",
                passed=unvalued.is_empty(),
                session=run.session,
                found=f"{table.height} positions, {unvalued.height} without a value",
                rows=unvalued.select("account_id", "commodity", "quantity"),
            )
        ],
    )  # fmt: skip
