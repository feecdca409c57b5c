"""Peers of the regime model; each learns from the first half and labels the second one session at a time."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from hmmlearn.hmm import GaussianHMM
from jumpmodels.jump import JumpModel
from sklearn.mixture import GaussianMixture

from ballast.market.regime.markov import Floats, long_run_shares
from benchmarks.regime_cases import HALF, Labels, filtered_by

_STARTS = 10
# Tuned on other seeds.
FAST, SLOW = 4, 8
_PENALTY = 1.0
_JUMP_HALF_LIVES = (3, 8)
_WINDOW, _THRESHOLD = 200, 0.05

# Starts that do not converge are not chosen; saying so thousands of times helps nobody.
logging.getLogger("hmmlearn").setLevel(logging.CRITICAL)


def fit_hmmlearn(returns: Floats, states: int) -> tuple[Floats, Floats, Floats]:
    """Return means, scales and moves of the best of ten starts, ordered by volatility."""
    sample = returns[:, None]
    best, reached = None, -np.inf
    for start in range(_STARTS):
        model = GaussianHMM(states, "diag", n_iter=200, tol=1e-3, random_state=start)
        model.fit(sample * 100.0)
        score = model.score(sample * 100.0)
        if score > reached:
            best, reached = model, score
    assert best is not None
    order = np.argsort(best.covars_[:, 0, 0])
    return (
        best.means_[order, 0] / 100.0,
        np.sqrt(best.covars_[order, 0, 0]) / 100.0,
        # A state that was never left or reached would have no long-run share.
        (best.transmat_[np.ix_(order, order)] + 1e-6) / (1 + states * 1e-6),
    )


def label_hmmlearn(
    fitted: tuple[Floats, Floats, Floats], returns: Floats, *, is_corrected: bool
) -> Labels:
    """Label by the filter that the package lacks, with its parameters."""
    means, scales, moves = fitted
    probabilities = filtered_by(means, scales, moves, returns)
    if is_corrected:
        probabilities = probabilities / long_run_shares(moves)
    return probabilities[HALF:].argmax(axis=1)


def jumpmodels(returns: Floats, states: int) -> Labels:
    """Label by the statistical jump model's online rule, on smoothed sizes of the returns."""
    size = pd.Series(np.abs(returns))
    features = np.log(
        pd.DataFrame({life: size.ewm(halflife=life).mean() for life in _JUMP_HALF_LIVES}) + 1e-6
    )
    past = features.iloc[:HALF]
    features = (features - past.mean()) / past.std()
    model = JumpModel(states, jump_penalty=_PENALTY, random_state=0)
    model.fit(features.iloc[:HALF], pd.Series(returns[:HALF]), sort_by="vol")
    found = np.asarray(model.predict_online(features))
    # Which number is calm depends on the version: told by the data.
    first = features.iloc[:HALF, 0].to_numpy()
    levels = [first[found[:HALF] == state].mean() for state in range(states)]
    rank = np.argsort(np.argsort(levels))
    labels: Labels = rank[found[HALF:].astype(int)]
    return labels


def volatility_threshold(returns: Floats, states: int, *, half_life: int) -> Labels:
    """Label by thresholds on smoothed volatility, between the parts of a Gaussian mixture."""
    size = pd.Series(np.abs(returns))
    level = np.log(size.ewm(halflife=half_life).mean().to_numpy() + 1e-6)
    mixture = GaussianMixture(states, n_init=5, random_state=0).fit(level[20:HALF, None])
    order = np.argsort(mixture.means_[:, 0])
    # Equal weights: the same correction for rare states as ours.
    means = mixture.means_[order, 0]
    variances = mixture.covariances_[order, 0, 0]
    distance = (level[HALF:, None] - means) ** 2 / variances + np.log(variances)
    labels: Labels = distance.argmin(axis=1)
    # Far out at either end the wider part would win.
    labels[level[HALF:] < means[0]] = 0
    labels[level[HALF:] > means[-1]] = states - 1
    return labels


def moving_average(returns: Floats, states: int, *, sideways_is: int) -> Labels:
    """Label by the distance from the 200-day average; with two states, sideways counts as one of them."""
    close = pd.Series(np.exp(np.cumsum(returns)))
    distance = (close / close.rolling(_WINDOW).mean() - 1).to_numpy()[HALF:]
    labels = np.full(len(distance), sideways_is)
    labels[distance >= _THRESHOLD] = 0
    labels[distance <= -_THRESHOLD] = states - 1
    return labels
