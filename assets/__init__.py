"""Software-defined assets and their checks: thin bodies that read, call one function of the domain, and publish."""

from assets.adjustments import accepted_adjustments
from assets.books import positions_snapshot, postings
from assets.control import broker_state
from assets.guards import guard_actions, guard_status
from assets.lots import lots_of_accounts
from assets.market import exchange_rates, historical_data, prices, securities
from assets.performance import portfolio_performance
from assets.planning import planner_recommendations
from assets.reconciliation import reconciliation_report
from assets.regime import regime_detection
from assets.reporting import daily_report
from assets.risk import risk_metrics
from assets.scores import security_scores
from assets.statements import statement_import
from assets.targets import target_weights
from assets.trading import emergency_actions, executions, orders

ASSETS = (
    statement_import,
    securities,
    historical_data,
    prices,
    exchange_rates,
    postings,
    lots_of_accounts,
    positions_snapshot,
    portfolio_performance,
    broker_state,
    reconciliation_report,
    accepted_adjustments,
    guard_status,
    regime_detection,
    risk_metrics,
    security_scores,
    target_weights,
    planner_recommendations,
    orders,
    executions,
    emergency_actions,
    guard_actions,
    daily_report,
)

__all__ = ["ASSETS"]
