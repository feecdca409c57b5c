"""How many of the sessions of its span a window of bars covers; what covers too few says nothing of a span of sessions.

Exchanges differ: here a year has `sessions_per_year` sessions, and any span may have lost a week of them to holidays.
Covered share = returns / max(returns, days × sessions per year / 365 − 5), the returns being one less than the bars.
"""

from __future__ import annotations

import polars as pl

LEAST_COVERED = 0.8
_YEAR_DAYS, _HOLIDAYS = 365, 5


def covered_share(returns: pl.Expr, days: pl.Expr, sessions_per_year: float) -> pl.Expr:
    """Return the share of the sessions of some days that have a bar, at most one.

    Parameters
    ----------
    returns : pl.Expr
        Bars after the first one.
    days : pl.Expr
        Calendar days from the first bar to the last.
    sessions_per_year : float
        Sessions of the exchange in 365 days.
    """
    expected = days * (sessions_per_year / _YEAR_DAYS) - _HOLIDAYS
    return returns / pl.max_horizontal(returns, expected, pl.lit(1.0))
