"""Plots are small PNG images, also of what is unknown or empty."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from ballast.reporting.charts import positions_chart
from ballast.reporting.plan_charts import plan_chart
from ballast.reporting.regime_charts import regime_chart
from ballast.tables import Positions, Recommendations, Regimes
from tests.ballast.builders import Row, cash, day, position, table

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_IN_THE_EVENT_LOG = 100_000


def regime_rows(count: int, names: list[str | None]) -> list[Row]:
    return [
        {
            "index_symbol": "IDX", "session": day(n), "close": 100.0 + n % 7,
            "moving_average": None if names[n % len(names)] is None else 100.0,
            "regime": names[n % len(names)], "reserve_share": 0.02,
        }
        for n in range(count)
    ]  # fmt: skip


def steps(account: str, *weights: float | None) -> list[Row]:
    return [
        {
            "recommendation_id": f"{account}{n}", "account_id": account, "step": n, "side": "buy",
            "symbol": f"S{n}", "weight_before": weight, "weight_after": weight, "target_weight": 0.1,
        }
        for n, weight in enumerate(weights)
    ]  # fmt: skip


def index_chart(regimes: pl.DataFrame) -> bytes:
    return regime_chart(regimes, "An index", 200)


BOOK = [position("a", f"S{n}", "1") | {"weight": n / 50} for n in range(30)]
SHORT = position("b", "S1", "-1") | {"weight": -0.5}


@pytest.mark.parametrize(
    ("chart", "frame"),
    [
        (positions_chart, table(Positions, [*BOOK, cash("a", "EUR", "5") | {"weight": 0.1}, SHORT])),
        (positions_chart, table(Positions, [position("a", "S1", "1"), cash("a", "EUR", "5")])),
        (positions_chart, table(Positions, [])),
        (index_chart, table(Regimes, regime_rows(260, [None, "bull", "bull", "sideways", "bear"]))),
        (index_chart, table(Regimes, regime_rows(3, [None]))),
        (index_chart, table(Regimes, [])),
        (plan_chart, table(Recommendations, steps("a", 0.1, 0.2, 0.0) + steps("b", 0.3))),
        (plan_chart, table(Recommendations, steps("a", None, 0.2))),
        (plan_chart, table(Recommendations, steps("a", 0.1)).with_columns(side=pl.lit("exchange"))),
        (plan_chart, table(Recommendations, [])),
    ],
    ids=[
        "positions", "unknown weights", "no positions", "regimes", "unknown regime", "no regimes",
        "plan", "unknown weight before", "only exchanges", "no plan",
    ],
)  # fmt: skip
def test_a_chart_is_a_small_png_whatever_is_known(
    chart: Callable[[pl.DataFrame], bytes], frame: pl.DataFrame
) -> None:
    image = chart(frame)
    assert image.startswith(PNG)
    assert len(image) < LARGEST_IN_THE_EVENT_LOG


def test_the_same_facts_give_the_same_image_and_others_another() -> None:
    book = table(Positions, BOOK)
    assert positions_chart(book) == positions_chart(book)
    assert positions_chart(book) != positions_chart(book.with_columns(pl.col("weight") / 2))
