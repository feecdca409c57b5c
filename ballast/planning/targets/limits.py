"""What a vector of weights must keep to: bounds of each security, limits of groups, and the sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupLimits:
    """Least and greatest sum of the weights of each group.

    Parameters
    ----------
    membership : array of shape (groups, securities)
        One where a security belongs to a group, else zero.
    lower, upper : array of shape (groups,)
        Shares of the account; lower <= upper.
    """

    membership: Matrix
    lower: Vector
    upper: Vector

    @classmethod
    def none(cls, securities: int) -> Self:
        """Return no groups."""
        return cls(np.zeros((0, securities)), np.zeros(0), np.zeros(0))

    def halved(self) -> Self:
        """Return the groups with half of every least sum."""
        return replace(self, lower=self.lower / 2)


@dataclass(frozen=True)
class Limits:
    """Bounds of the weights, limits of groups, and what all weights add up to.

    Parameters
    ----------
    lower, upper : array of shape (securities,)
        Shares of the account; lower <= upper.
    budget : float
        Sum of all weights, between the sums of the bounds.
    """

    lower: Vector
    upper: Vector
    budget: float
    groups: GroupLimits

    def without_groups(self) -> Self:
        """Return the limits without those of groups."""
        return replace(self, groups=GroupLimits.none(len(self.lower)))

    def halved(self) -> Self:
        """Return the limits with half of every group's least sum."""
        return replace(self, groups=self.groups.halved())

    def excess(self, weights: Vector) -> float:
        """Return by how much weights break the limit that they break most; zero or less is within all of them."""
        sums = self.groups.membership @ weights
        broken = (
            self.lower - weights,
            weights - self.upper,
            self.groups.lower - sums,
            sums - self.groups.upper,
            np.array([abs(float(weights.sum()) - self.budget)]),
        )
        return max(float(part.max()) for part in broken if part.size)
