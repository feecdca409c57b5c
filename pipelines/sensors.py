"""Sensors: they look at what is published, decide with pure functions, and never do the work themselves."""

import hashlib

import dagster as dg
import polars as pl

from pipelines.jobs import emergency_rebalance, import_statements
from pipelines.reconciliation_triggers import TRIGGERS, trigger_tags
from pipelines.sessions import session_partitions
from resources.statements import dropped_files
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
    job=import_statements,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Imports the statements that were dropped into the inbox.",
)
def statement_inbox_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one import per state of the inbox: names, sizes and times of its files."""
    opened = workspace.open()
    files = dropped_files(opened.inbox)
    if not files:
        return dg.SkipReason("Nothing lies in the inbox.")
    sessions = session_partitions(opened.portfolio, opened.portfolio_calendars)
    session = sessions.get_last_partition_key()
    if session is None:
        return dg.SkipReason("No session has ended yet.")
    state = hashlib.sha256("|".join(files).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"statements:{state}",
        partition_key=session,
        tags=trigger_tags({"trigger": "import"}),
    )


SENSORS = (negative_cash_sensor, statement_inbox_sensor, *TRIGGERS)
