"""The plot of the regime: it always renders, stays small, and is the same for the same facts."""

from __future__ import annotations

import polars as pl
import pytest

from ballast.reporting.regime_charts import regime_chart
from ballast.tables import Regimes
from tests.ballast.builders import day, table

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_IN_THE_EVENT_LOG = 100_000


def regimes(count: int, rule: list[str | None], model: list[str | None]) -> pl.DataFrame:
    rows = [
        {
            "session": day(n), "close": 100.0 + n % 7, "moving_average": 100.0 if n > 20 else None,
            "rule_regime": rule[n % len(rule)], "model_regime": model[n % len(model)],
            "regime": model[n % len(model)], "method": model[n % len(model)] and "markov",
        }
        for n in range(count)
    ]  # fmt: skip
    return table(Regimes, rows, index_symbol="IDX", reserve_share=0.02)


FULL = regimes(260, [None, "bull", "sideways"], ["bull", "bull", "bear", "sideways"])


@pytest.mark.parametrize(
    "frame",
    [FULL, regimes(260, ["bull"], [None]), regimes(3, [None], [None]), FULL.clear(), FULL.head(1)],
    ids=["both", "no model", "nothing known", "no session", "one session"],
)
def test_a_chart_is_a_small_png_whatever_is_known(frame: pl.DataFrame) -> None:
    image = regime_chart(frame, "An index", 200)
    assert image.startswith(PNG)
    assert len(image) < LARGEST_IN_THE_EVENT_LOG


def test_the_same_facts_give_the_same_image_and_others_another() -> None:
    assert regime_chart(FULL, "An index", 200) == regime_chart(FULL, "An index", 200)
    for column in ("regime", "rule_regime", "model_regime", "close"):
        changed = FULL.with_columns(pl.col(column).shift(50))
        if column == "close":
            changed = FULL.with_columns(close=pl.col("close") * pl.int_range(pl.len()))
        assert regime_chart(changed, "An index", 200) != regime_chart(FULL, "An index", 200)
