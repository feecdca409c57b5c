"""How bad each finding is, what it means in words, and which findings stop an account from being planned.

Invariant: severity never falls as a difference grows.
"""

from __future__ import annotations

from functools import cache

import polars as pl

SEVERITY = {
    "matched": "none",
    "cost_mismatch": "info",
    "basis_mismatch": "info",
    "lots_mismatch": "info",
    "cash_mismatch": "warning",
    "equity_mismatch": "warning",
    "quantity_mismatch": "critical",
    "missing_local": "critical",
    "missing_broker": "critical",
    "currency_mismatch": "critical",
    "inconclusive": "warning",
    "unavailable": "critical",
}

EXPLANATION = {
    "matched": "Book and broker agree.",
    "cost_mismatch": "Average cost differs; usually fees or rounding. No action needed today.",
    "basis_mismatch": "Cost basis differs; usually fees, rounding or a basis that was transferred in.",
    "lots_mismatch": "The lots differ; compare the lot method, transfers and splits.",
    "cash_mismatch": "Cash differs; look for a fee, dividend, interest or transfer not yet booked.",
    "equity_mismatch": "Account value differs; compare prices and the rows above.",
    "quantity_mismatch": "Quantities differ; a fill or corporate action may be missing.",
    "missing_local": "The broker holds it, the books do not; a fill may be missing.",
    "missing_broker": "The books hold it, the broker does not; it may have been closed there.",
    "currency_mismatch": "Book and broker keep it in different currencies; check which listing it is.",
    "inconclusive": "The broker knows a newer fill than the books; run again after the next import.",
    "unavailable": "The broker could not be asked; nothing is known about this account today.",
}

# An account with one of these may not be planned.
BLOCKING_OUTCOMES = ("inconclusive", "unavailable")

# Cash that differs by at least this share of the account is no oversight of a fee. A value that differs while units and
# cash agree is a matter of prices or accruals, and stops nothing.
LARGE_SHARE = 0.01


@cache
def severity() -> pl.Expr:
    """Return the severity of each row from its outcome and the share of the account that differs, if that is known."""
    is_large = (pl.col("outcome") == "cash_mismatch") & (pl.col("share") >= LARGE_SHARE)
    return (
        pl.when(is_large.fill_null(False))
        .then(pl.lit("critical"))
        .otherwise(pl.col("outcome").replace_strict(SEVERITY, return_dtype=pl.String))
    )


@cache
def explanation() -> pl.Expr:
    """Return what each row says already, else what its outcome means."""
    return pl.coalesce(
        "explanation", pl.col("outcome").replace_strict(EXPLANATION, return_dtype=pl.String)
    )


def blocked_accounts(report: pl.DataFrame) -> dict[str, str]:
    """Return the accounts that may not be planned, with the reason in words.

    Parameters
    ----------
    report : pl.DataFrame
        `Comparison` or `Reconciliation`.
    """
    stops = report.filter(
        (pl.col("severity") == "critical") | pl.col("outcome").is_in(BLOCKING_OUTCOMES)
    )
    reasons: dict[str, set[str]] = {}
    for row in stops.iter_rows(named=True):
        reasons.setdefault(row["account_id"], set()).add(f"{row['item']} {row['outcome']}")
    return {account: ", ".join(sorted(found)) for account, found in sorted(reasons.items())}
