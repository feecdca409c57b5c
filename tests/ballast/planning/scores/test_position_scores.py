"""The scores of positions, from books as the pipeline has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ballast.books.positions import positions_snapshot
from ballast.planning.scores.position import Books, position_scores
from ballast.planning.scores.standing import grouping
from ballast.settings import GroupWeights, ScoreSettings
from ballast.tables import (
    Positions,
    PositionScores,
    Postings,
    Securities,
    SecurityScores,
    TargetWeights,
    TaxLots,
)
from tests.ballast.builders import D, Row, cash, position, posting, prices, rates, table
from tests.ballast.planning.scores.histories import SESSION

GROUPS = ("long_term", "fundamentals", "opportunity", "dividends", "short_term", "technicals", "opinion")  # fmt: skip


def ago(days: int) -> date:
    return SESSION - timedelta(days=days)


def lot(symbol: str, acquired_on: date | None, quantity: str = "10") -> Row:
    return {
        "account_id": "a",
        "symbol": symbol,
        "acquired_on": acquired_on,
        "quantity": D(quantity),
    }


def trade(number: int, symbol: str, quantity: str, days_ago: int, **more: Any) -> Row:
    at = datetime.combine(ago(days_ago), datetime.min.time(), UTC)
    return posting(number, symbol, quantity, occurred_at=at, **more)


def security(symbol: str, **facts: Any) -> Row:
    return {
        "symbol": symbol, "quality": 0.5, "known_share": 0.0, "history_sessions": 0,
        **dict.fromkeys(GROUPS, 0.6), **facts,
    }  # fmt: skip


def listed(*symbols: str, **fields: Any) -> pl.DataFrame:
    defaults = {
        "name": "A name", "exchange": "XNYS", "currency": "USD", "kind": "equity",
        "lot_size": D(1), "multiplier": D(1), "allow_buy": True, "allow_sell": True,
        "country": "France", "industry": "Banks",
    }  # fmt: skip
    return table(Securities, [{"symbol": symbol} for symbol in symbols], **(defaults | fields))


def scored(
    positions: list[Row],
    *,
    lots: list[Row] | None = None,
    trades: list[Row] | None = None,
    targets: dict[str, float] | None = None,
    scores: list[Row] | None = None,
    securities: pl.DataFrame | None = None,
    settings: ScoreSettings | None = None,
) -> pl.DataFrame:
    known = listed("A", "B", "C") if securities is None else securities
    wanted = table(
        TargetWeights,
        [{"account_id": "a", "symbol": s, "target_weight": w} for s, w in (targets or {}).items()],
    )
    books = Books(
        table(Positions, positions), table(TaxLots, lots or []), table(Postings, trades or [])
    )
    countries, industries = (
        grouping(known, column, (), ["a"], wanted) for column in ("country", "industry")
    )
    of_securities = [security(s) for s in known["symbol"]] if scores is None else scores
    return position_scores(
        table(SecurityScores, of_securities), known, books, wanted, countries, industries, SESSION,
        settings or ScoreSettings(), minimum_hold_days=90,
    )  # fmt: skip


def held(symbol: str, quantity: str = "10", weight: float | None = 0.04, **amounts: str) -> Row:
    defaults = {
        "value": "1000", "cost_basis": "800", "average_cost": "80", "price": "100",
        "value_base": "900",
    }  # fmt: skip
    return position("a", symbol, quantity, **(defaults | amounts)) | {"weight": weight}


def only(frame: pl.DataFrame, symbol: str = "A") -> dict[str, Any]:
    return frame.row(by_predicate=pl.col("symbol") == symbol, named=True)


def test_there_is_a_row_for_everything_that_is_held_or_wanted() -> None:
    books = [held("A"), cash("a", "EUR", "5") | {"weight": 0.96}]
    found = scored(books, targets={"B": 0.5, "C": 0.0})
    assert found.select("account_id", "symbol", "is_held", "weight").rows() == [
        ("a", "A", True, 0.04), ("a", "B", False, 0.0),
    ]  # fmt: skip
    PositionScores.validate(found)


def test_an_index_is_nobodys_position() -> None:
    assert scored([], targets={"A": 0.5}, securities=listed("A", kind="index")).is_empty()


def test_cost_gain_and_dates_come_from_the_books() -> None:
    row = only(
        scored(
            [held("A")],
            lots=[lot("A", ago(730)), lot("A", ago(100)), lot("B", ago(900))],
            trades=[
                trade(1, "A", "10", 730), trade(2, "A", "12", 100), trade(3, "A", "-2", 50),
                trade(4, "A", "5", 20, kind="transfer"), trade(5, "A", "3", 10),
                trade(6, "A", "-3", 10, reverses="p0005"),
                trade(7, "B", "1", 1), trade(8, "A", "1", -1),
            ],
        )
    )  # fmt: skip
    assert row["average_cost"] == 80.0
    assert row["gain"] == pytest.approx(0.25)
    assert (row["first_bought"], row["years_held"]) == (ago(730), 2.0)
    # Neither the transfer nor the purchase that was reversed, nor what comes later.
    assert (row["last_bought"], row["last_sold"]) == (ago(100), ago(50))
    assert row["sell_blocked_by"] == "sold 50 days ago, less than 180"


@pytest.mark.parametrize(
    ("cancelled", "kind"),
    [("5", "trade"), ("-5", "trade"), ("5", "adjustment"), ("-5", "adjustment")],
)
def test_a_trade_that_was_cancelled_is_neither_a_purchase_nor_a_sale(
    cancelled: str, kind: str
) -> None:
    back = str(-int(cancelled))
    trades = [
        trade(1, "A", "10", 400),
        trade(2, "A", cancelled, 20),
        trade(3, "A", back, 19, reverses="p0002", kind=kind),
    ]
    row = only(scored([held("A")], lots=[lot("A", ago(400))], trades=trades))
    assert (row["last_bought"], row["last_sold"]) == (ago(400), None)
    assert row["sell_blocked_by"] is None
    # It happened after all where the cancellation was cancelled, or comes only later.
    again = trade(4, "A", cancelled, 18, reverses="p0003")
    later = trades[2] | {"occurred_at": trade(3, "A", back, -1)["occurred_at"]}
    for others in ([*trades, again], [*trades[:2], later]):
        row = only(scored([held("A")], lots=[lot("A", ago(400))], trades=others))
        assert (row["last_sold"] or row["last_bought"]) == ago(20)


def test_a_lot_of_unknown_age_makes_the_years_unknown() -> None:
    row = only(scored([held("A")], lots=[lot("A", ago(730)), lot("A", None)]))
    assert row["first_bought"] is row["years_held"] is row["windfall_share"] is None
    assert row["time_held"] is None


def test_an_unknown_basis_makes_the_gain_unknown_and_forbids_a_sale() -> None:
    position_row = held("A") | {"cost_basis": None, "average_cost": None}
    row = only(scored([position_row], lots=[lot("A", ago(730))]))
    assert row["gain"] is row["windfall_reason"] is row["underperformance"] is None
    assert row["sell_blocked_by"] == "its gain is unknown"
    assert row["sell_share"] is None


def test_a_basis_in_another_currency_than_the_price_makes_the_gain_unknown() -> None:
    trades = [trade(1, "A", "10", 730, unit_cost=D(80), cost_currency="EUR")]
    lots = [lot("A", ago(730)) | {"currency": "EUR", "cost_basis": D(800)}]
    books = positions_snapshot(
        table(Postings, trades), table(TaxLots, lots), listed("A", currency="JPY"),
        prices({"A": "12800"}, currency="JPY"), rates({"JPY": "160"}), {"a": "EUR"}, SESSION,
    )  # fmt: skip
    row = only(scored(books.to_dicts(), lots=lots, trades=trades, targets={"A": 0.5}))
    assert row["gain"] is row["average_cost"] is row["windfall_excess"] is None
    assert row["sell_blocked_by"] == "its gain is unknown"


def test_what_is_sold_short_counts_as_not_held() -> None:
    row = only(scored([held("A", "-10", -0.04)], lots=[lot("A", ago(730), "-10")]))
    assert row["is_held"] is False
    assert row["weight"] == -0.04
    assert row["gain"] is row["years_held"] is row["sell_score"] is row["sell_blocked_by"] is None
    assert row["averaging"] == 0.5


def test_the_gain_of_a_contract_is_that_of_all_its_units() -> None:
    option = held("A", "2", price="5", value="1000", cost_basis="500", average_cost="250")
    assert only(scored([option]))["gain"] == pytest.approx(1.0)


def test_the_total_is_the_weighted_mean_of_eight_groups() -> None:
    scores = [security("A", **{name: 0.1 * n for n, name in enumerate(GROUPS, 1)})]
    row = only(scored([held("A")], scores=scores, targets={"A": 0.5}))
    weights = GroupWeights().model_dump()
    groups = {name: scores[0][name] for name in GROUPS} | {
        "diversification": row["diversification"]
    }
    assert row["total"] == pytest.approx(sum(weights[name] * groups[name] for name in weights))


def test_groups_that_lack_weight_score_above_one_half() -> None:
    row = only(scored([held("A")], targets={"A": 0.2, "B": 0.3}))
    assert row["country_gap"] == row["industry_gap"] == pytest.approx(0.5 - 0.04)
    assert row["geography"] == row["industry"] == pytest.approx(0.5 + 0.4 * 0.46)


def test_diversification_blends_its_parts() -> None:
    row = only(scored([held("A")], targets={"A": 0.2}))
    expected = 0.4 * row["geography"] + 0.3 * row["industry"] + 0.3 * row["averaging"]
    assert row["diversification"] == pytest.approx(expected)


def test_where_weights_are_unknown_gaps_are_too_and_the_total_stays_neutral() -> None:
    row = only(scored([held("A", weight=None)], targets={"A": 0.2, "B": 0.2}), "B")
    assert row["weight"] is row["country_gap"] is row["geography"] is None
    assert row["diversification"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("appeal", "base"),
    [(0.29, 0.3), (0.30, 0.5), (0.40, 0.6), (0.499, 0.699), (0.50, 0.7), (0.75, 0.85)],
)
def test_averaging_rises_with_quality_and_opportunity(appeal: float, base: float) -> None:
    scores = [security("A", long_term=1.0, fundamentals=1.0, opportunity=appeal)]
    row = only(scored([held("A")], scores=scores))
    assert row["averaging"] == pytest.approx(base)


@pytest.mark.parametrize(
    ("value", "weight", "averaging"),
    [
        ("800", 0.04, 0.3),
        ("760", 0.04, 0.3 + 0.10),
        ("640", 0.04, 0.3 + 0.40),
        ("639", 0.04, 0.3),  # Too deep a fall to average.
        ("760", 0.05, 0.3 + 0.10),
        ("760", 0.051, (0.3 + 0.10) * 0.9),
        ("760", 0.10, (0.3 + 0.10) * 0.9),
        ("760", 0.101, (0.3 + 0.10) * 0.7),
    ],
)
def test_averaging_rises_in_a_dip_and_falls_with_the_size_of_the_position(
    value: str, weight: float, averaging: float
) -> None:
    scores = [security("A", opportunity=0.1)]
    row = only(scored([held("A", weight=weight, value=value)], scores=scores))
    assert row["averaging"] == pytest.approx(averaging)


def test_averaging_never_exceeds_one() -> None:
    scores = [security("A", **dict.fromkeys(GROUPS, 1.0))]
    assert only(scored([held("A", value="640")], scores=scores))["averaging"] == 1.0


def test_without_opportunity_or_quality_averaging_is_unknown() -> None:
    for unknown in ({"opportunity": None}, {"long_term": None, "fundamentals": None}):
        row = only(scored([held("A")], scores=[security("A", **unknown)]))
        assert row["averaging"] is None


@pytest.mark.parametrize("unknown", [{"weight": None}, {"cost_basis": None}, {"value": None}])
def test_where_gain_or_weight_are_unknown_averaging_is_too(unknown: Row) -> None:
    row = only(scored([held("A") | unknown]))
    assert row["averaging"] is None
    # Of what is not held there is nothing to average.
    assert only(scored([held("A") | unknown], targets={"B": 0.5}), "B")["averaging"] == 0.5


def test_a_windfall_uses_the_growth_of_the_security() -> None:
    facts = {"value": "1600", "cost_basis": "1000"}
    own = [security("A", cagr_5y=0.20)]
    row = only(scored([held("A", **facts)], lots=[lot("A", ago(365))], scores=own))
    assert row["windfall_excess"] == pytest.approx(0.4)
    assert row["windfall_share"] == 0.20
    # Without it the setting counts.
    row = only(scored([held("A", **facts)], lots=[lot("A", ago(365))]))
    assert row["windfall_excess"] == pytest.approx(0.5)
    assert row["windfall_share"] == 0.40


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [held("A"), held("B"), held("C")]
    lots = [lot(s, ago(d)) for s, d in (("A", 900), ("A", 30), ("B", 400), ("C", 10))]
    trades = [trade(1, "A", "1", 30), trade(2, "B", "-1", 200), trade(3, "C", "1", 10)]
    targets = {"A": 0.1, "B": 0.2, "C": 0.3}
    one = scored(rows, lots=lots, trades=trades, targets=targets)
    other = scored(
        rows[::-1], lots=lots[::-1], trades=trades[::-1], targets=dict(reversed(targets.items()))
    )
    assert_frame_equal(one, other, check_exact=True)


def test_nothing_held_and_nothing_wanted_is_no_rows() -> None:
    assert scored([]).is_empty()


def test_nothing_of_one_account_changes_the_scores_of_another() -> None:
    own, others = held("A"), held("A", weight=0.9) | {"account_id": "b"}
    lots = [lot("A", ago(400)), lot("A", ago(900)) | {"account_id": "b"}]
    trades = [trade(1, "A", "1", 400), trade(2, "A", "-1", 3, account_id="b")]
    targets = {"A": 0.3, "B": 0.2}
    alone = scored([own], lots=lots[:1], trades=trades[:1], targets=targets)
    beside = scored([own, others], lots=lots, trades=trades, targets=targets)
    assert_frame_equal(beside.filter(account_id="a"), alone, check_exact=True)
    assert beside.filter(account_id="b")["sell_blocked_by"].to_list() == [
        "sold 3 days ago, less than 180"
    ]
