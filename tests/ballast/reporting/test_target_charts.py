"""Plots of the wanted weights are small pictures, whatever there is to show."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ballast.reporting.target_charts import correlation_chart, frontier_chart
from ballast.tables import EfficientFrontier
from tests.ballast.builders import table

PNG = b"\x89PNG"


def point(kind: str, label: str, volatility: float, expected: float) -> dict[str, object]:
    return {
        "account_id": "main", "kind": kind, "label": label, "volatility": volatility,
        "expected_return": expected,
    }  # fmt: skip


POINTS = (
    point("frontier", "001", 0.10, 0.05),
    point("frontier", "002", 0.15, 0.09),
    point("security", "A", 0.2, 0.08),
    point("current", "current", 0.14, 0.06),
    point("proposed", "proposed", 0.12, 0.07),
)


@pytest.mark.parametrize("points", [POINTS, POINTS[:1], ()])
def test_the_frontier_is_drawn_with_what_is_known(points: tuple[dict[str, object], ...]) -> None:
    picture = frontier_chart(table(EfficientFrontier, points))
    assert picture.startswith(PNG)
    assert len(picture) < 100_000


def test_the_order_of_the_points_does_not_matter() -> None:
    points = table(EfficientFrontier, POINTS)
    assert frontier_chart(points) == frontier_chart(points.reverse())


@pytest.mark.parametrize("accounts", [1, 2, 3, 9])
@pytest.mark.parametrize("securities", [1, 300])
def test_correlations_of_many_securities_stay_a_small_picture(
    securities: int, accounts: int
) -> None:
    random = np.random.default_rng(securities).uniform(-1, 1, (securities, securities))
    symbols = tuple(f"SYMBOL{number}.XX" for number in range(securities))
    picture = correlation_chart({f"account{n}": (symbols, random) for n in range(accounts)})
    assert picture.startswith(PNG)
    assert len(picture) < 100_000


@pytest.mark.parametrize("accounts", [1, 2, 3, 9])
def test_a_frontier_of_many_securities_stays_a_small_picture(accounts: int) -> None:
    random = np.random.default_rng(accounts)
    points = [
        point("security", f"SYMBOL{n}.XX", *random.uniform(0, 1, 2)) | {"account_id": f"account{a}"}
        for a in range(accounts)
        for n in range(300)
    ]
    assert len(frontier_chart(table(EfficientFrontier, points))) < 100_000


def test_without_proposals_the_plots_say_so() -> None:
    assert correlation_chart({}).startswith(PNG)
    assert frontier_chart(pl.DataFrame(EfficientFrontier.create_empty())).startswith(PNG)
