"""Jobs, under the names that people look for."""

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

sync_historical = dg.define_asset_job(
    "sync_historical",
    selection=dg.AssetSelection.assets("historical_data", "corporate_actions"),
    description="Ask the source for the bars and corporate actions that are missing, up to a session.",
)

sync_securities_data = dg.define_asset_job(
    "sync_securities_data",
    selection=dg.AssetSelection.assets(
        "securities",
        "historical_data",
        "corporate_actions",
        "regime_detection",
        "risk_metrics",
        "security_scores",
    ),
    description=(
        "Per security: history, then what is computed of it (regime, risk, scores). Needs the session's positions, as"
        " daily_pipeline or sync_portfolio publish them."
    ),
)

rebuild_universe = dg.define_asset_job(
    "rebuild_universe",
    selection=dg.AssetSelection.assets(
        "securities", "historical_data", "corporate_actions", "prices", "exchange_rates",
        "regime_detection", "target_weights",
    ),
    description=(
        "After securities or targets were changed in the portfolio file: publish them anew with their history, prices,"
        " regime and target weights."
    ),
)  # fmt: skip

# With the performance, because the guards judge by it.
_BOOKS = (
    "postings", "tax_lots", "realised_gains", "positions_snapshot", "portfolio_performance",
)  # fmt: skip
_BROKERS = ("broker_positions", "broker_balances")

sync_portfolio = dg.define_asset_job(
    "sync_portfolio",
    selection=dg.AssetSelection.assets(*_BOOKS, *_BROKERS),
    description=(
        "Import trades and cash movements from the brokers, bring lots, positions and performance up to date, and ask"
        " for holdings and cash. Compares nothing: reconcile_accounts does."
    ),
)

sync_cycle = dg.define_asset_job(
    "sync_cycle",
    selection=dg.AssetSelection.assets(
        "securities", "prices", "exchange_rates", *_BOOKS, *_BROKERS, "reconciliation_report",
        "guard_status", "emergency_actions",
    ),
    description=(
        "Everything that may need an answer between two daily runs, in order: prices and rates of the session, the"
        " books, the brokers, the reconciliation, the guards, and the repair of negative cash."
    ),
)  # fmt: skip

sync_recommendations = dg.define_asset_job(
    "sync_recommendations",
    selection=dg.AssetSelection.assets(
        "regime_detection", "security_scores", "target_weights", "planner_recommendations"
    ),
    description=(
        "Regime, scores and targets anew, then the plan; what was advised before and is no longer is superseded."
    ),
)

plan_portfolio = dg.define_asset_job(
    "plan_portfolio",
    selection=dg.AssetSelection.assets("planner_recommendations"),
    description="Only the plan, from what is published for the session.",
)

_ORDERS = ("orders", "executions")

rebalance = dg.define_asset_job(
    "rebalance",
    # The scores, because they say what was bought or sold since and must rest now.
    selection=dg.AssetSelection.assets("security_scores", "planner_recommendations", *_ORDERS),
    description="Scores and a new plan from what is published, and in paper and live mode its orders.",
)

execute_plan = dg.define_asset_job(
    "execute_plan",
    selection=dg.AssetSelection.assets(*_ORDERS),
    description=(
        "The steps of the newest plan that the gate did not let pass before, each once; in research mode nothing is"
        " sent."
    ),
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
    daily_pipeline, sync_cycle, sync_portfolio, sync_prices, sync_historical, sync_securities_data,
    rebuild_universe, sync_recommendations, plan_portfolio, rebalance, execute_plan, reconcile_accounts,
    import_statements, accept_proposals, emergency_rebalance,
)  # fmt: skip
