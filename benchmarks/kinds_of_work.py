"""Which functions of the product belong to which kind of work, named where they are looked up."""

from __future__ import annotations


def _each(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{module}:{name}" for name in names)


_SHOWING_TABLES = (
    "metadata", "books", "control", "guards", "lots", "market", "performance", "planning",
    "reconciliation", "regime", "risk", "scores", "statements", "targets",
)  # fmt: skip

# Exclusive: what a function of another kind takes within one of these is not theirs.
WORK: dict[str, tuple[str, ...]] = {
    "events of the run, more than in an empty one": ("resources.run_history:_Events.store_event",),
    "flushes of files and folders": ("os:fsync",),
    "store transactions": _each("resources.store.engine", "Store.write", "Store.read"),
    "opening the store": ("resources.workspace:open_store",),
    "publication, the rest": ("resources.lake:Lake.publish",),
    "writing Parquet": ("resources.lake:Lake._write_file",),
    "validation": ("resources.lake:validated",),
    "catalog": ("resources.workspace:refresh_catalog",),
    "merging of the history": ("resources.history:PriceHistory.merge",),
    "reading the history": _each(
        "resources.history", "PriceHistory.as_of", "PriceHistory.actions"
    ),
    "reading tables": _each("resources.lake", "Snapshot.read", "Lake.snapshot"),
    "plots": (
        "assets.books:positions_chart",
        "assets.guards:guard_chart",
        "assets.lots:gains_chart",
        *_each("assets.performance", "performance_chart", "attribution_chart"),
        *_each("assets.planning", "plan_chart", "score_waterfall", "alternatives_chart"),
        "assets.reconciliation:reconciliation_heat_map",
        "assets.regime:regime_chart",
        "assets.scores:scores_chart",
        *_each("assets.targets", "frontier_chart", "correlation_chart"),
    ),
    "metadata and data versions": (
        "assets.session_run:SessionRun.result",
        *(f"assets.{name}:markdown_table" for name in _SHOWING_TABLES),
        *(f"assets.{name}:plot" for name in ("planning", "scores", "targets")),
    ),
    "statements, securities and calendars": (
        *_each(
            "resources.statements", "StatementBook.import_folder", "StatementBook.table",
            "StatementBook.learned_instruments", "StatementBook.closes",
        ),
        *_each("resources.workspace", "securities_table", "trading_calendars"),
    ),
    "sources of prices and rates": (
        *_each(
            "resources.market_data.recorded", "RecordedMarketData.bars",
            "RecordedMarketData.corporate_actions", "RecordedReferenceRates.reference_rates",
        ),
        "benchmarks.synthetic:SyntheticMarketData.bars",
    ),
    "brokers and ledger": (
        "assets.books:import_events",
        "assets.control:ask_brokers",
        "resources.ledger:Ledger.read",
    ),
    "history: windows, quality, versions": (
        *_each(
            "ballast.market.history",
            "as_of", "combine", "combine_actions", "combine_known_actions", "actions_as_of",
            "dated_actions", "windows", "new_versions", "corrections",
        ),
        *_each("ballast.market.quality", "judge", "gaps"),
    ),
    "lots and positions": (
        *_each(
            "assets.lots",
            "match_postings", "realised_gains", "gains_by_year", "valued_lots",
        ),
        *_each("assets.books", "snapshot_of", "account_values"),
    ),
    "performance and risk": (
        *_each(
            "assets.performance",
            "value_portfolios", "measure", "contributions", "linked_contributions", "daily_rates",
        ),
        *_each("assets.risk", "measure", "correlations", "security_returns", "true_ranges"),
    ),
    "reconciliation": (
        "assets.reconciliation:reconcile_session",
        *_each("assets.reconciliation_run", "compare", "explain", "resolve", "report_of"),
    ),
    "guards": _each(
        "assets.guards",
        "equities", "drawdown_guard", "session_returns", "daily_loss_guard", "losing_streaks",
        "loss_streak_guard", "stale_prices_guard", "_of_the_market", "_of_activity",
        "kill_switch_rows", "status_of", "_write_down",
    ),
    "regime model": _each(
        "assets.regime", "adjusted_for_splits", "detected_regimes", "regime_record"
    ),
    "scores": _each("assets.scores", "score", "position_scores", "grouping", "newest_known"),
    "inputs of the optimiser": (
        "assets.targets:target_inputs",
        "ballast.planning.targets.facts:target_cases",
    ),
    "optimiser": (
        "ballast.planning.targets.proposal:propose",
        *_each(
            "ballast.planning.targets.tables",
            "followed_weights", "optimised_weights", "weight_constraints", "efficient_frontier",
            "optimiser_steps", "correlated_pairs", "correlation_maps",
        ),
        *_each("assets.targets", "top_changes", "infeasible_targets"),
    ),
    "inputs of the planner": _each("assets.planning", "planning_cases", "daily_returns"),
    "search": ("assets.planning:best_plan",),
    "what explains a plan": _each(
        "assets.planning",
        "recommendations_table", "plans_table", "opportunities_table", "alternatives_table",
        "components_table", "scenarios_table",
    ),
    "keeping plans": (
        "resources.plan_archive:PlanArchive.keep",
        "resources.recommendations:RecommendationBook.store_plan",
        "resources.configurations:ConfigurationHistory.record",
        "assets.planning:steps_as_text",
    ),
    "prices, rates and report": (
        *_each("assets.market", "latest_prices", "cross_rates"),
        *_each("assets.reporting", "render", "daily_summary"),
    ),
}  # fmt: skip
