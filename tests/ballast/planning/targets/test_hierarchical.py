"""Hierarchical risk parity against a loop that does what the paper says, one half at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from ballast.planning.targets.hierarchical import hierarchical_risk_parity
from tests.ballast.planning.targets.cases import random_covariance


def by_loop(covariance: np.ndarray) -> np.ndarray:
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.clip(covariance / np.outer(deviation, deviation), -1, 1)
    distance = np.sqrt((1 - correlation) / 2)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "single")
    order = dendrogram(tree, no_plot=True)["leaves"]
    weights = np.ones(len(covariance))
    clusters = [order]
    while clusters:
        halves = []
        for cluster in clusters:
            if len(cluster) > 1:
                middle = len(cluster) // 2
                left, right = cluster[:middle], cluster[middle:]
                share = 1 - variance(covariance, left) / (
                    variance(covariance, left) + variance(covariance, right)
                )
                weights[left] *= share
                weights[right] *= 1 - share
                halves += [left, right]
        clusters = halves
    return weights


def variance(covariance: np.ndarray, members: list[int]) -> float:
    part = covariance[np.ix_(members, members)]
    inverse = 1 / np.diag(part)
    inverse /= inverse.sum()
    return float(inverse @ part @ inverse)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 16, 31, 64, 120])
@pytest.mark.parametrize("seed", [0, 1])
def test_weights_are_those_of_the_loop(n: int, seed: int) -> None:
    covariance = random_covariance(n, seed)
    weights = hierarchical_risk_parity(covariance)
    np.testing.assert_allclose(weights, by_loop(covariance), rtol=1e-9)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights > 0).all()


def test_of_two_the_calmer_gets_more_in_proportion_to_its_variance() -> None:
    weights = hierarchical_risk_parity(np.array([[0.04, 0.0], [0.0, 0.16]]))
    assert weights.tolist() == pytest.approx([0.8, 0.2])


def test_the_unit_of_time_does_not_matter() -> None:
    covariance = random_covariance(9, 2)
    np.testing.assert_allclose(
        hierarchical_risk_parity(covariance), hierarchical_risk_parity(covariance / 252), rtol=1e-12
    )


def test_two_securities_that_are_the_same_are_not_divided_by_zero() -> None:
    covariance = random_covariance(4, 3)
    twice = covariance[np.ix_([0, 0, 1, 2, 3], [0, 0, 1, 2, 3])]
    assert np.isfinite(hierarchical_risk_parity(twice)).all()
