"""How far a portfolio is from the weights that are wanted, for many sequences at once.

Both measures are a known figure of the holdings before, corrected for the few that are traded, so that a sequence takes
a handful of steps however many securities there are.
"""

from __future__ import annotations

import numpy as np

from ballast.planning.search.problem import F64, I32, Problem


def tracking_error(problem: Problem, sequences: I32, totals: F64) -> F64:
    """Return √((w - t)' C (w - t)), or half the sum of |w - t| where no covariance is known.

    Parameters
    ----------
    sequences : array of (s, k)
        Trades, padded with -1.
    totals : array of s
        Value of everything after each sequence; weights are shares of it.

    Returns
    -------
    array of s
        nan where no security has a wanted weight. A security without one counts as being where it should.
    """
    is_wanted = ~np.isnan(problem.targets)
    if not is_wanted.any():
        return np.full(len(sequences), np.nan)
    # Amounts and securities per place of the sequence; the padding trades nothing of the last security.
    amounts = np.append(problem.trade_value, 0.0)
    amounts[:-1] *= is_wanted[problem.trade_security]
    moved = amounts.take(sequences, mode="wrap")
    traded = np.append(problem.trade_security, 0).take(sequences, mode="wrap")
    targets = np.where(is_wanted, problem.targets, 0.0)
    holdings = np.where(is_wanted, problem.holdings, 0.0)
    if problem.covariance is None:
        return _active_share(holdings, targets, moved, traded, totals)
    return _volatility(holdings, targets, problem.covariance, moved, traded, problem.total, totals)


def _volatility(
    holdings: F64,
    targets: F64,
    covariance: F64,
    moved: F64,
    traded: F64,
    before: float,
    totals: F64,
) -> F64:
    """Expand the square of (gaps before + trades + targets × what is lost to costs)."""
    gaps = holdings - targets * before
    # Added up without a library for matrices, so that the bits do not depend on it.
    of_gaps, of_targets = (covariance * gaps).sum(axis=1), (covariance * targets).sum(axis=1)
    lost = before - totals
    both, own = (targets * of_gaps).sum(), (targets * of_targets).sum()
    square = (gaps * of_gaps).sum() + lost * (2.0 * both + lost * own)
    for place in range(moved.shape[1]):
        amount, security = moved[:, place], traded[:, place]
        cross = of_gaps[security] + lost * of_targets[security]
        for earlier in range(place):
            cross += moved[:, earlier] * covariance[traded[:, earlier], security]
        square += amount * (2.0 * cross + amount * covariance[security, security])
    return np.asarray(np.sqrt(np.maximum(square, 0.0)) / totals)


def _active_share(holdings: F64, targets: F64, moved: F64, traded: F64, totals: F64) -> F64:
    """Sum |h - t·T| over all by where T lies among the totals at which each is on target; then correct the traded."""
    with np.errstate(divide="ignore", invalid="ignore"):
        on_target = np.where(targets > 0.0, holdings / targets, np.inf)
    order = np.argsort(on_target, kind="stable")
    below_holdings = np.concatenate(([0.0], np.cumsum(holdings[order])))
    below_targets = np.concatenate(([0.0], np.cumsum(targets[order])))
    below = np.searchsorted(on_target[order], totals, side="right")
    gap = (below_holdings[-1] - 2.0 * below_holdings[below]) - totals * (
        below_targets[-1] - 2.0 * below_targets[below]
    )
    for place in range(moved.shape[1]):
        held, wanted = holdings[traded[:, place]], targets[traded[:, place]] * totals
        gap += np.abs(held + moved[:, place] - wanted) - np.abs(held - wanted)
    return np.asarray(0.5 * gap / totals)
