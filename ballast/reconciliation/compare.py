"""Compare the books with what the brokers report, for all accounts at once.

Outcomes: `matched`; the discrepancies `missing_local`, `missing_broker`, `quantity_mismatch`, `cost_mismatch`,
`basis_mismatch`, `currency_mismatch`, `lots_mismatch`, `cash_mismatch`, `equity_mismatch`; `inconclusive` where an
execution is on its way, or the broker describes another session; `unavailable` where it could not be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from ballast.reconciliation.availability import (
    accounts_of,
    of_another_session,
    unavailable,
    withhold,
)
from ballast.reconciliation.balances import compared_cash, compared_equity
from ballast.reconciliation.fields import compared_positions
from ballast.reconciliation.lot_structure import compared_lots
from ballast.reconciliation.severity import (
    BLOCKING_OUTCOMES,
    SEVERITY,
    blocked_accounts,
    explanation,
    severity,
)
from ballast.reconciliation.tolerances import tolerance_table
from ballast.settings import ReconciliationSettings
from ballast.tables import Comparison

__all__ = ["BLOCKING_OUTCOMES", "SEVERITY", "blocked_accounts", "compare"]


def compare(
    positions: pl.DataFrame,
    broker_positions: pl.DataFrame,
    broker_balances: pl.DataFrame,
    broker_accounts: pl.DataFrame,
    in_flight: pl.DataFrame,
    settings: Mapping[str, ReconciliationSettings],
    session: date,
    *,
    securities: pl.DataFrame | None = None,
    lots: pl.DataFrame | None = None,
    broker_lots: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Report every field of every key of both sides.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions` of the session: the books.
    broker_positions, broker_balances, broker_accounts : pl.DataFrame
        What the brokers report; several rows of one key count as their net. Rows of an unavailable account are ignored,
        and an account without a row in `broker_accounts` is unavailable.
    in_flight : pl.DataFrame
        `InFlight`: what differs of these items is inconclusive, and so is a differing value of their account.
    settings : mapping of str to ReconciliationSettings
        The tolerances of each account.
    session : date
        Session of both sides; a broker's answer as of another one is inconclusive.
    securities : pl.DataFrame, optional
        `Securities`, whose lot size says what trades in fractions; what they do not list is compared in whole units.
    lots, broker_lots : pl.DataFrame, optional
        `TaxLots` and `BrokerLots`, compared for accounts whose broker reports lots.

    Returns
    -------
    pl.DataFrame
        `Comparison`, sorted by its key.

    Raises
    ------
    ConfigurationError
        If there are no settings for an account of either side.
    """
    accounts = accounts_of(broker_accounts, session, positions, broker_positions, broker_balances)
    tolerances = tolerance_table(settings, accounts["account_id"])
    available = accounts.filter("is_available")

    def of(side: pl.DataFrame, some: pl.DataFrame = available) -> pl.DataFrame:
        return side.join(some, on="account_id", how="semi")

    book = of(positions)
    findings = [
        *compared_positions(book, of(broker_positions), tolerances, securities),
        compared_cash(book, of(broker_balances), available, tolerances),
        compared_equity(book, available, tolerances),
    ]
    if lots is not None and broker_lots is not None:
        reporting = available.filter("reports_lots")
        kept = of(lots, reporting), of(broker_lots, reporting)
        findings.append(compared_lots(*kept, tolerances, securities))
    judged = withhold(pl.concat(findings), accounts, in_flight)
    table = pl.concat([judged, of_another_session(accounts, session), unavailable(accounts)])
    return Comparison.validate(
        table.with_columns(severity=severity(), explanation=explanation())
        .select(Comparison.column_names())
        .sort("account_id", "item", "field")
    )
