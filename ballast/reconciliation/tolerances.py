"""How far book and broker may differ, per account and in the instrument's own units.

Invariants: a tolerance is the same in both directions, exact at its boundary, and a wider one never finds more. Rows
are paired by their keys alone, so that no tolerance is ever tighter in pairing than in judging.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from ballast.errors import ConfigurationError
from ballast.money import AMOUNT
from ballast.settings import ReconciliationSettings

_NAMES = (
    "quantity_tolerance", "average_cost_tolerance", "basis_tolerance", "cash_tolerance",
    "statement_cash_tolerance", "equity_tolerance",
)  # fmt: skip


def tolerance_table(
    settings: Mapping[str, ReconciliationSettings], accounts: Iterable[str]
) -> pl.DataFrame:
    """Return account_id and one column of amounts per tolerance.

    Raises
    ------
    ConfigurationError
        If there are no settings for an account.
    """
    names = sorted(accounts)
    for account in names:
        if account not in settings:
            raise ConfigurationError(
                "An account is to be reconciled that the portfolio does not list", where=account,
                remedy="Add it to [[accounts]], or take what its broker reports out.",
            )  # fmt: skip
    columns = {name: [getattr(settings[account], name) for account in names] for name in _NAMES}
    return pl.DataFrame(
        {"account_id": names, **columns},
        schema={"account_id": pl.String, **dict.fromkeys(_NAMES, AMOUNT)},
    )


def with_quantity_tolerance(
    frame: pl.DataFrame, tolerances: pl.DataFrame, securities: pl.DataFrame | None
) -> pl.DataFrame:
    """Add the tolerances of each row's account; of what trades in fractions, one unit of its lot size is allowed.

    Parameters
    ----------
    frame : pl.DataFrame
        account_id, item and more.
    tolerances : pl.DataFrame
        As `tolerance_table` returns it.
    securities : pl.DataFrame, optional
        `Securities`; what they do not list trades in whole units.
    """
    found = frame.join(tolerances, on="account_id", how="left")
    if securities is None:
        return found
    fractions = securities.filter(pl.col("lot_size") < 1)
    if fractions.is_empty():
        return found
    units = fractions.select("lot_size", item="symbol")
    return found.join(units, on="item", how="left").with_columns(
        quantity_tolerance=pl.max_horizontal("quantity_tolerance", "lot_size")
    )
