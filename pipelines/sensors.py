"""Sensors: they look at what is published, decide with pure functions, and never do the work themselves."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

import dagster as dg
import polars as pl

from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO
from pipelines.jobs import emergency_rebalance, import_statements
from pipelines.reconciliation_triggers import TRIGGERS, attempt, trigger_tags
from pipelines.sessions import session_partitions
from resources.clock import now
from resources.statements import dropped_files
from resources.workspace_resource import WorkspaceResource

_EVERY_SECONDS = 30


def short_accounts(
    balances: pl.DataFrame, reserve: Decimal, bases: Mapping[str, str], rates: Rates
) -> list[str]:
    """Return the accounts with a balance below the reserve in any currency.

    Parameters
    ----------
    balances : pl.DataFrame
        `BrokerBalances`; an account that is configured no more is not judged.
    reserve : Decimal
        Least balance of a currency, in the base currency of its account; zero: only negative balances count, as they do
        in a currency without a known rate.
    bases : mapping of str to str
        Base currency per account.
    """
    rows = balances.select("account_id", "currency", "balance").iter_rows()
    return sorted({
        account
        for account, currency, balance in rows
        if account in bases and balance < _least(reserve, bases[account], currency, rates)
    })  # fmt: skip


def _least(reserve: Decimal, base: str, currency: str, rates: Rates) -> Decimal:
    if reserve == ZERO:
        return ZERO
    try:
        return rates.convert(reserve, base, currency)
    except MissingRateError:
        # What is overdrawn is repaired, even if nobody knows what the reserve would be.
        return ZERO


@dg.sensor(
    job=emergency_rebalance,
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the emergency rebalance when a published broker balance is negative, or below the reserve.",
)
def negative_cash_sensor(
    _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one repair per account, session and state of the balances, and more while an episode goes on."""
    opened = workspace.open()
    portfolio = opened.portfolio
    snapshot = opened.lake.snapshot(["broker_balances", "exchange_rates"])
    sessions = snapshot.partitions("broker_balances")
    if not sessions:
        return dg.SkipReason("No broker balances have been published yet; run daily_pipeline.")
    session = sessions[-1]
    if session not in snapshot.partitions("exchange_rates"):
        return dg.SkipReason(f"No exchange rates of session {session}; run daily_pipeline.")
    accounts = short_accounts(
        snapshot.read("broker_balances", session),
        portfolio.emergency.reserve,
        portfolio.base_currencies,
        Rates.of(snapshot.read("exchange_rates", session)),
    )
    if not accounts:
        below = (
            f"below {portfolio.emergency.reserve}" if portfolio.emergency.reserve else "negative"
        )
        return dg.SkipReason(f"No broker balance is {below} in session {session}.")
    entry = snapshot.entries["broker_balances", session]
    version = entry.sha256[:12]
    if portfolio.mode != "research":
        # What waits for a settlement or an open market goes on without a new answer of the broker.
        version += f":{attempt(now() - entry.published_at)}"
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
