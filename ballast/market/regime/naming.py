"""Names of the states: by volatility first, by the mean only where it is more than chance.

The calmest state is a bull market and the most turbulent a bear market; a third between them is sideways. Means of
daily returns are hardly known, so that a mean changes a name only where it is significant: a state between them that
rises is a bull and one that falls a bear market; a calm state that falls is a bear market; a turbulent one that rises
is sideways, because what may fall as far is no bull. Two states may share a name, and a name may have no state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ballast.market.regime.markov import Model

NAMES = ("bull", "sideways", "bear")
BULL, SIDEWAYS, BEAR = range(3)
# Two-sided 95 %.
_SIGNIFICANT = 1.96


def named_states(model: Model) -> NDArray[np.int64]:
    """Return the number of each state's name in `NAMES`.

    Parameters
    ----------
    model : Model
        States in any order: the same model with its states permuted gives the names permuted.
    """
    weights = model.weights[:, None]
    volatilities = (weights * model.volatilities).sum(axis=0)
    means = (weights * model.means).sum(axis=0)
    seen = model.sessions * (weights * model.long_run).sum(axis=0)
    trend = means * np.sqrt(seen) / volatilities
    order = np.lexsort((means, volatilities))
    names = np.full(len(order), SIDEWAYS)
    for at, state in enumerate(order):
        rises, falls = trend[state] > _SIGNIFICANT, trend[state] < -_SIGNIFICANT
        if at == 0:
            names[state] = BEAR if falls else BULL
        elif at == len(order) - 1:
            names[state] = SIDEWAYS if rises else BEAR
        elif rises or falls:
            names[state] = BULL if rises else BEAR
    return names
