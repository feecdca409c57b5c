"""Which weights an account of the optimiser follows, such that without a proposal it trades nothing.

What is held and has no target would be taken for unwanted and sold; therefore everything held has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from ballast.planning.targets.proposal import Proposal

# Weights of a proposal, or of one that was taken over; what was merely held or configured was never proposed.
_PROPOSED = ("optimiser", "previous")
_ROUNDING = 1e-9


class Followed(NamedTuple):
    """A weight to follow, and where it comes from: optimiser, previous or held."""

    symbol: str
    weight: float
    source: str


def weights_to_follow(
    proposal: Proposal | None, positions: pl.DataFrame, previous: pl.DataFrame, is_known: bool
) -> list[Followed]:
    """Return the weights that an account of the optimiser follows.

    Parameters
    ----------
    proposal : Proposal, optional
        Without weights where none could be found.
    positions, previous : pl.DataFrame
        The account's rows of `Positions`, and of `TargetWeights` of the newest session before.
    is_known : bool
        Whether positions are known at all.

    Returns
    -------
    list of Followed
        The proposal; without one the proposal published before, where it fits beside what arrived since then; without
        that what is held, at today's weights, so that nothing is traded. What is held and not part of the proposal
        keeps its weight. Cash alone wants nothing: what may be chosen from is listed with a weight of zero.
    """
    own = positions.filter(~pl.col("is_cash"))
    held = dict(own.select("commodity", "weight").iter_rows())
    today = {symbol: share for symbol, share in held.items() if share is not None}
    if proposal is not None and proposal.weights:
        return _with_held("optimiser", proposal.weights, today)
    before = previous.filter(pl.col("source").is_in(_PROPOSED))
    weights = dict(before.select("symbol", "target_weight").iter_rows())
    arrived = sum(share for symbol, share in today.items() if symbol not in weights)
    if weights and sum(weights.values()) + arrived <= 1 + _ROUNDING:
        return _with_held("previous", weights, today)
    if proposal is not None and is_known and not held:
        return [Followed(symbol, 0.0, "held") for symbol in proposal.facts["symbol"]]
    return _with_held("held", today, today)


def _with_held(
    source: str, weights: Mapping[str, float], today: Mapping[str, float]
) -> list[Followed]:
    """Return the weights, and today's of what is held and not among them."""
    # Of what is not held a proposed weight of zero says nothing, unless nothing else is said.
    said = {name: weight for name, weight in weights.items() if weight > 0 or name in today}
    arrived = {name: share for name, share in today.items() if name not in said}
    if not said and not arrived:
        said = dict(weights)
    return [
        *(Followed(name, weight, source) for name, weight in said.items()),
        *(Followed(name, share, "held") for name, share in arrived.items()),
    ]
