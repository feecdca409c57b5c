"""The web of the groups is a small PNG, also of what is unknown or empty."""

from __future__ import annotations

import polars as pl
import pytest

from ballast.reporting.score_charts import MOST_WEBS, scores_chart

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_IN_THE_EVENT_LOG = 100_000
GROUPS = (
    "long_term", "fundamentals", "opportunity", "dividends", "short_term", "technicals", "opinion",
    "diversification",
)  # fmt: skip
_SCHEMA = {"title": pl.String, **dict.fromkeys(GROUPS, pl.Float64)}


def webs(count: int, value: float | None) -> pl.DataFrame:
    rows = [{"title": f"account: S{n} 0.50", **dict.fromkeys(GROUPS, value)} for n in range(count)]
    return pl.DataFrame(rows, schema=_SCHEMA)


@pytest.mark.parametrize("value", [0.0, 0.7, 1.0, None])
@pytest.mark.parametrize("count", [0, 1, 2, 5, MOST_WEBS])
def test_a_chart_is_a_png_that_fits_into_the_event_log(count: int, value: float | None) -> None:
    content = scores_chart(webs(count, value))
    assert content.startswith(PNG)
    assert len(content) < LARGEST_IN_THE_EVENT_LOG


def test_a_chart_of_the_same_scores_is_the_same() -> None:
    assert scores_chart(webs(2, 0.3)) == scores_chart(webs(2, 0.3))
