"""The scores of the demonstration: what is known there, what is missing, and that both are told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.metadata import markdown_table
from ballast.tables import PositionScores, SecurityScores
from tests.demonstration import SESSION, Demonstration, failed_checks

FIGURES = """symbol,known_on,metric,value
AAPL,2020-07-31,trailing_pe,35.0
AAPL,2020-07-31,forward_pe,31.0
AAPL,2020-07-31,profit_margin,0.21
AAPL,2020-07-31,recommendation,2.0
AAPL,2020-07-31,target_price,500
AAPL,2020-08-21,profit_margin,0.99
ASML.AS,2019-01-31,profit_margin,0.3
"""


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    made = Demonstration.create(tmp_path_factory.mktemp("scores"))
    assert published(made.run())
    return made


def published(result: dg.ExecuteInProcessResult) -> bool:
    return bool(result.asset_materializations_for_node("security_scores"))


def test_every_security_but_indices_is_scored(demonstration: Demonstration) -> None:
    scores = SecurityScores.validate(demonstration.read("security_scores"))
    listed = demonstration.read("securities").filter(pl.col("kind") != "index")
    assert scores["symbol"].to_list() == listed["symbol"].sort().to_list()


def test_half_a_year_of_history_has_no_long_horizon_and_says_so(
    demonstration: Demonstration,
) -> None:
    scores = demonstration.read("security_scores")
    amsterdam = scores.filter(pl.col("symbol").str.ends_with(".AS"))
    assert amsterdam["history_sessions"].unique().to_list() == [162]
    for name in ("cagr", "cagr_5y", "cagr_10y", "dividend_yield", "return_score", "fundamentals"):
        assert amsterdam[name].null_count() == amsterdam.height, name
    assert amsterdam["missing"].str.contains("dividend_yield").all()
    assert amsterdam["short_term"].null_count() == 0
    assert amsterdam["known_share"].max() < scores["known_share"].max()  # type: ignore[operator]


def test_every_position_and_target_has_a_row(demonstration: Demonstration) -> None:
    scores = PositionScores.validate(demonstration.read("position_scores"))
    held = demonstration.read("positions_snapshot").filter(~pl.col("is_cash"))
    wanted = [
        (account.id, symbol)
        for account in demonstration.workspace.portfolio.accounts
        for symbol, weight in account.targets.items()
        if weight > 0
    ]
    expected = set(held.select("account_id", "commodity").rows()) | set(wanted)
    assert set(scores.select("account_id", "symbol").rows()) == expected
    blocked = dict(scores.filter(account_id="america").select("symbol", "sell_blocked_by").rows())
    assert blocked["META"] == "bought 66 days ago, less than 90"
    assert "sold 153 days ago" in str(blocked["AIG"])
    assert blocked["SPY"] is None


def test_without_a_source_no_fundamentals_are_published(demonstration: Demonstration) -> None:
    assert demonstration.read("fundamentals").is_empty()


def test_figures_of_a_file_count_from_the_day_on_which_they_were_known(tmp_path: Path) -> None:
    (tmp_path / "figures.csv").write_text(FIGURES)
    file = '[market_data]\nfundamentals = "figures.csv"'
    threshold = "[scores]\nknown_share = 0.5\n\n[regime]"
    stated = Demonstration.create(tmp_path, ("[market_data]", file), ("[regime]", threshold))
    result = stated.run()
    assert published(result)
    # Of the Amsterdam names less than half of the inputs are known.
    assert "scores_rest_on_known_inputs" in failed_checks(result)
    scores = stated.read("security_scores")
    apple = scores.row(by_predicate=pl.col("symbol") == "AAPL", named=True)
    assert (apple["price_earnings"], apple["profit_margin"]) == (33.0, 0.21)
    assert apple["target_upside"] == pytest.approx(500 / apple["close"] - 1)
    assert apple["opinion"] is not None
    # Older than the limit.
    assert scores.filter(symbol="ASML.AS")["profit_margin"].to_list() == [None]
    assert stated.read("fundamentals").height == 6


def test_the_first_session_is_scored_although_nothing_is_held_then(
    demonstration: Demonstration,
) -> None:
    first = date(2019, 1, 2)
    assert published(demonstration.run(first))
    assert not demonstration.read("position_scores", first)["is_held"].any()
    scores = demonstration.read("security_scores", first)
    assert scores.filter(symbol="ASML.AS")["quality"].to_list() == [pytest.approx(0.5)]


def test_unknown_scores_are_shown_as_such(demonstration: Demonstration) -> None:
    shown = markdown_table(
        demonstration.read("security_scores").select("symbol", "opinion").head(1)
    )
    assert "*unknown*" in shown
    assert demonstration.read("security_scores", SESSION)["opinion"].null_count() > 0
