"""Plots of plans are small PNG images, also of what is unknown or empty."""

from __future__ import annotations

import polars as pl
import pytest

from ballast.reporting.plan_charts import alternatives_chart, score_waterfall
from ballast.tables import PlanAlternatives, PlanComponents, Plans
from tests.ballast.builders import Row, table

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_IN_THE_EVENT_LOG = 100_000


def _plan(account: str, before: float | None, after: float | None) -> Row:
    return {
        "account_id": account, "base_currency": "EUR", "score_before": before, "score_after": after,
    }  # fmt: skip


def _parts(account: str, *contributions: float) -> list[Row]:
    return [
        {"account_id": account, "component": f"part {n}", "contribution": contribution}
        for n, contribution in enumerate(contributions)
    ]


_PLANS = table(Plans, [_plan("a", 0.4, 0.5), _plan("b", 0.5, 0.45), _plan("c", None, None)])
_FRONT = [
    {"account_id": "a", "view": view, "rank": rank, "cost": 10.0 * rank, "tax": 1.0,
     "improvement": 0.01 * rank, "is_chosen": view == "recommended"}
    for view, rank in (("recommended", 1), ("pareto", 1), ("pareto", 2))
]  # fmt: skip


def _is_small_png(image: bytes) -> bool:
    return image.startswith(PNG) and len(image) < LARGEST_IN_THE_EVENT_LOG


@pytest.mark.parametrize(
    "components",
    [
        table(PlanComponents, [*_parts("a", 0.12, -0.02), *_parts("b", -0.05, 0.0)]),
        table(PlanComponents, []),
    ],
    ids=["up and down", "nothing known"],
)
def test_the_waterfall_is_a_small_png_whatever_is_known(components: pl.DataFrame) -> None:
    assert _is_small_png(score_waterfall(components, _PLANS))
    assert _is_small_png(score_waterfall(components, _PLANS.clear()))


def test_the_plans_beside_are_a_small_png_whatever_is_known() -> None:
    assert _is_small_png(alternatives_chart(table(PlanAlternatives, _FRONT), _PLANS))
    assert _is_small_png(alternatives_chart(table(PlanAlternatives, []), _PLANS.clear()))
