"""Simulated returns with known market states, and the recorded index, for the tests of the regime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ballast.tables import Bars, polars_schema

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """States with a mean, a volatility and a chance to stay each; the others are equally likely to follow."""

    means: tuple[float, ...]
    volatilities: tuple[float, ...]
    stays: tuple[float, ...]
    freedom: float | None = None

    def simulate(self, sessions: int, seed: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return returns and the states behind them, of which every one has its share in either half."""
        chance = np.random.default_rng(seed)
        while True:
            states = self._states(sessions, chance)
            halves = np.split(states, 2)
            if all(
                np.bincount(half, minlength=len(self.stays)).min() > sessions // 40
                for half in halves
            ):
                break
        noise = chance.standard_normal(sessions)
        if self.freedom is not None:
            noise = chance.standard_t(self.freedom, sessions)
            noise /= np.sqrt(self.freedom / (self.freedom - 2))
        returns: Floats = np.array(self.means)[states] + np.array(self.volatilities)[states] * noise
        return returns, states

    def _states(self, sessions: int, chance: np.random.Generator) -> NDArray[np.int64]:
        states = [0]
        for _ in range(sessions - 1):
            moves = chance.random() > self.stays[states[-1]]
            others = [state for state in range(len(self.stays)) if state != states[-1]]
            states.append(int(chance.choice(others)) if moves else states[-1])
        return np.array(states)


TWO = Market((0.0006, -0.001), (0.007, 0.018), (0.995, 0.98))
HEAVY = Market((0.0006, -0.001), (0.007, 0.018), (0.995, 0.98), freedom=5.0)
WEAK = Market((0.0006, -0.001), (0.009, 0.014), (0.995, 0.98))
THREE = Market((0.0008, 0.0002, -0.0015), (0.006, 0.011, 0.024), (0.99, 0.985, 0.97))


@cache
def recorded_index() -> pl.DataFrame:
    """Return `Bars` of the recorded S&P 500."""
    with as_file(files("ballast.recorded") / "default_2010_2022.parquet") as path:
        recorded = pl.scan_parquet(path).filter(pl.col("symbol") == "^GSPC").collect()
    day = pl.col("date").cast(pl.Date)
    return (
        recorded.select(
            pl.col("symbol").cast(pl.String), "close", session=day, known_on=day,
            is_total_return=pl.lit(False), source=pl.lit("recorded"),
        )
        .match_to_schema(polars_schema(Bars), missing_columns="insert")
        .sort("session")
    )  # fmt: skip


def closes_of(returns: Floats, level: float = 100.0) -> list[float]:
    """Return closes with these logarithmic returns, the first one included."""
    return [float(close) for close in level * np.exp(np.r_[0.0, np.cumsum(returns)])]


LAST_RECORDED = date(2022, 12, 28)
