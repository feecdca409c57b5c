"""Sensors that ask for a new plan between two daily runs: after drift, and when cash has come together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import dagster as dg
import polars as pl

from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.trading.costs import Costs
from ballast.trading.rebalancing import Wish, cash_rich, drifted
from pipelines.jobs import rebalance
from resources.lake import Snapshot
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

_EVERY_SECONDS = 60
_READ = (
    "positions_snapshot", "target_weights", "account_plans", "exchange_rates",
    "planner_recommendations",
)  # fmt: skip


@dg.sensor(
    job=rebalance,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a new plan when a weight has drifted from its target since the last plan.",
)
def drift_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one plan per state of the positions."""
    opened = workspace.open()
    threshold = opened.portfolio.rebalancing.drift_threshold

    def look(snapshot: Snapshot, session: str) -> list[Wish]:
        positions = snapshot.read("positions_snapshot", session)
        return drifted(positions, snapshot.read("target_weights", session), threshold)

    calm = f"Every weight is within {threshold:.1%} of its target"
    return _wished(opened, "drift", look, calm)


@dg.sensor(
    job=rebalance,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a new plan when cash above the reserve has come together since the last plan.",
)
def cash_accumulation_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one plan per state of the positions."""
    opened = workspace.open()
    portfolio = opened.portfolio
    multiple = Decimal(repr(portfolio.rebalancing.cash_multiple))

    def look(snapshot: Snapshot, session: str) -> list[Wish]:
        plans = snapshot.read("account_plans", session).filter(pl.col("reserve").is_not_null())
        rates = Rates.of(snapshot.read("exchange_rates", session))
        costs = Costs(portfolio.costs, rates)
        smallest = {}
        for account, base in portfolio.base_currencies.items():
            # An account whose currency has no rate today is not judged.
            with suppress(MissingRateError):
                smallest[account] = costs.minimum_trade(base)
        reserves: dict[str, Decimal] = dict(plans.select("account_id", "reserve").iter_rows())
        positions = snapshot.read("positions_snapshot", session)
        return cash_rich(positions, reserves, smallest, multiple)

    return _wished(opened, "cash", look, "No account has much cash above its reserve")


def _wished(
    workspace: Workspace,
    rule: str,
    look: Callable[[Snapshot, str], list[Wish]],
    calm: str,
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a plan where the positions have changed since the last one and somebody wishes it."""
    if not workspace.portfolio.rebalancing.on_events:
        return dg.SkipReason("rebalancing.on_events is off in the portfolio file.")
    snapshot = workspace.lake.snapshot(_READ)
    sessions = snapshot.partitions("planner_recommendations")
    if not sessions:
        return dg.SkipReason("Nothing has been planned yet; run daily_pipeline.")
    session = sessions[-1]
    positions = snapshot.entries["positions_snapshot", session]
    # The outcome carries the hash of its inputs, so that it is published anew even if no step came of them.
    if positions.published_at <= snapshot.entries["account_plans", session].published_at:
        return dg.SkipReason(f"The positions of session {session} are planned already.")
    wishes = look(snapshot, session)
    if not wishes:
        return dg.SkipReason(f"{calm} in session {session}.")
    accounts = "+".join(wish.account_id for wish in wishes)
    return dg.RunRequest(
        run_key=f"{rule}:{accounts}:{session}:{positions.sha256[:12]}",
        partition_key=session,
        tags={"ballast/why": "; ".join(wish.reason for wish in wishes)[:250]},
    )


REBALANCE_SENSORS = (drift_sensor, cash_accumulation_sensor)
