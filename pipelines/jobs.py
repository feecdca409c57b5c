"""Jobs, under the names that people look for."""

from datetime import timedelta

import dagster as dg

from resources.workspace_resource import WorkspaceResource

_EMERGENCY_PRIORITY = {"dagster/priority": "10"}

daily_pipeline = dg.define_asset_job(
    "daily_pipeline",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.assets("emergency_actions", "guard_actions", "accepted_adjustments"),
    description="Everything of a session, from prices to the daily report.",
)

sync_prices = dg.define_asset_job(
    "sync_prices",
    selection=dg.AssetSelection.groups("market"),
    description="Prices, history, corporate actions and exchange rates of a session.",
)

reconcile_accounts = dg.define_asset_job(
    "reconcile_accounts",
    selection=dg.AssetSelection.assets(
        "postings", "tax_lots", "realised_gains", "positions_snapshot", "broker_positions",
        "broker_balances", "reconciliation_report",
    ),
    description="Import from the brokers and compare the books with them.",
)  # fmt: skip

import_statements = dg.define_asset_job(
    "import_statements",
    selection=dg.AssetSelection.groups("market", "books", "control")
    - dg.AssetSelection.assets("accepted_adjustments"),
    description="Import what was dropped into the inbox, and bring the books and their reconciliation up to date.",
)

emergency_rebalance = dg.define_asset_job(
    "emergency_rebalance",
    selection=dg.AssetSelection.assets("emergency_actions"),
    description="Repair negative cash balances: exchange first, then sell.",
    tags=_EMERGENCY_PRIORITY,
)


accept_proposals = dg.define_asset_job(
    "accept_proposals",
    selection=dg.AssetSelection.assets("accepted_adjustments"),
    description="Book corrections that reconciliation_report proposes, or take booked ones back, as the config names.",
)


@dg.op(description="Remove lake files that no publication refers to, after a grace period.")
def remove_unreferenced_files(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Collect the garbage of the lake."""
    removed = workspace.open().lake.collect_garbage(grace=timedelta(days=1))
    context.log.info("removed %d unreferenced files", len(removed))


@dg.job(description="Housekeeping of the lake: remove files that nothing refers to.")
def maintain_lake() -> None:
    """Run housekeeping."""
    remove_unreferenced_files()


@dg.op(
    description="Attempt every delivery that is due; what fails is recorded and tried again later."
)
def deliver_waiting_alerts(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Deliver what waits in the outbox."""
    summary = workspace.open().alerts.deliver()
    context.log.info(
        "%d delivered, %d failed, %d waiting", summary.delivered, summary.failed, summary.waiting
    )
    for problem in summary.problems:
        context.log.warning(problem)


@dg.job(description="Try again to deliver the alerts that are waiting.")
def deliver_alerts() -> None:
    """Run one round of deliveries."""
    deliver_waiting_alerts()


ASSET_JOBS = (
    daily_pipeline, sync_prices, reconcile_accounts, import_statements, accept_proposals,
    emergency_rebalance,
)  # fmt: skip
JOBS = (*ASSET_JOBS, maintain_lake, deliver_alerts)
