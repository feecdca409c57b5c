"""Sensors: they look at what is published, decide with pure functions, and never do the work themselves."""

import dagster as dg
import polars as pl

from pipelines.jobs import emergency_rebalance, reconcile_accounts
from resources.workspace_resource import WorkspaceResource

_EVERY_SECONDS = 30


def negative_accounts(balances: pl.DataFrame) -> list[str]:
    """Return the accounts with a negative balance in any currency.

    Parameters
    ----------
    balances : pl.DataFrame
        `BrokerBalances`.
    """
    negative = balances.filter(pl.col("balance") < 0)
    return negative["account_id"].unique().sort().to_list()


@dg.sensor(
    job=emergency_rebalance,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the emergency rebalance when a published broker balance is negative.",
)
def negative_cash_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one repair per account, session and state of the balances."""
    snapshot = workspace.open().lake.snapshot(["broker_balances"])
    sessions = snapshot.partitions("broker_balances")
    if not sessions:
        return dg.SkipReason("No broker balances have been published yet; run daily_pipeline.")
    session = sessions[-1]
    accounts = negative_accounts(snapshot.read("broker_balances", session))
    if not accounts:
        return dg.SkipReason(f"No broker balance is negative in session {session}.")
    version = snapshot.entries["broker_balances", session].sha256[:12]
    return dg.RunRequest(
        run_key=f"negative_cash:{'+'.join(accounts)}:{session}:{version}",
        partition_key=session,
        tags={"ballast/accounts": ",".join(accounts)},
    )


@dg.sensor(
    job=reconcile_accounts,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Imports and reconciles after orders were filled.",
)
def fills_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one reconciliation per session and number of fills."""
    filled = workspace.open().orders.table().filter(pl.col("state") == "filled")
    if filled.is_empty():
        return dg.SkipReason("No order has been filled yet.")
    newest = filled.sort("session").group_by("session", maintain_order=True).len().row(-1)
    session, count = newest
    return dg.RunRequest(run_key=f"fills:{session}:{count}", partition_key=session.isoformat())


SENSORS = (negative_cash_sensor, fills_sensor)
