"""From a chosen set of trades to exact orders that can be paid: purchases give way where cents or exchanges ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from ballast.planning.account import Candidate
from ballast.planning.draft import Draft, Drafting
from ballast.planning.lots import most_lots


def fitted(
    drafting: Drafting, orders: Mapping[str, Decimal], *, gives_way: Sequence[str]
) -> Draft | None:
    """Return what orders lead to, with purchases made smaller, by whole lots, until they can be paid.

    Parameters
    ----------
    orders : mapping of str to Decimal
        Signed whole lots by symbol.
    gives_way : sequence of str
        Purchases in the order in which they are made smaller or left out.

    Returns
    -------
    Draft or None
        None if nothing of the orders is left.
    """
    wanted = dict(orders)
    securities = {candidate.symbol: candidate for candidate in drafting.account.candidates}

    def is_paid(chosen: Mapping[str, Decimal]) -> bool:
        return drafting.is_funded(drafting.draft(chosen))

    for symbol in gives_way:
        if is_paid(wanted):
            break
        candidate, others = securities[symbol], {s: q for s, q in wanted.items() if s != symbol}
        most = int(wanted[symbol] / candidate.lot_size)
        lots = most_lots(_paid_beside(others, candidate, is_paid), most)
        wanted = others
        if lots and drafting.is_sensible(candidate, lots * candidate.lot_size):
            wanted = {**others, symbol: lots * candidate.lot_size}
    return drafting.draft(wanted) if wanted and is_paid(wanted) else None


def _paid_beside(
    others: Mapping[str, Decimal],
    candidate: Candidate,
    is_paid: Callable[[Mapping[str, Decimal]], bool],
) -> Callable[[int], bool]:
    return lambda lots: is_paid({**others, candidate.symbol: lots * candidate.lot_size})
