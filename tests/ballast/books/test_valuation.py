"""The value of every session, against sums by hand and against the positions snapshot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.market.exchange_rates import Rates, cross_rates
from ballast.tables import DailyHoldings, DailyMovements, PortfolioValues
from tests.ballast.books.valued import (
    CURRENCY_OF,
    bought,
    closes,
    fixings,
    on,
    value,
    values,
)
from tests.ballast.builders import (
    D,
    Row,
    at,
    day,
    framewise,
    split,
)

DEPOSIT = on(1, 0, "USD", "1000", kind="deposit")


def test_cash_and_securities_are_worth_their_close_and_rate_of_each_session() -> None:
    rows = [DEPOSIT, *bought(2, 1, "AAA", "10", "-400")]
    valuation = value(rows, prices=closes("AAA", [40, 41, 45]), sessions=3,
                      per_euro={0: "2", 2: "4"})  # fmt: skip
    assert values(valuation) == [D(500), (D(600) + 410) / 2, (D(600) + 450) / 4]
    assert values(valuation, column="cash_base") == [D(500), D(300), D(150)]
    assert values(valuation, column="flow_base") == [D(500), D(0), D(0)]


def test_tables_keep_their_contracts() -> None:
    rows = [DEPOSIT, *bought(2, 1, "AAA", "10", "-400"), on(5, 2, "XXX", "3")]
    valuation = value(rows, prices=closes("AAA", {2: 41}))
    DailyHoldings.validate(valuation.holdings)
    DailyMovements.validate(valuation.movements)
    PortfolioValues.validate(valuation.portfolios)


def test_a_price_is_carried_forward_and_never_backward() -> None:
    rows = [on(1, 0, "BBB", "2", kind="transfer")]
    valuation = value(rows, prices=closes("BBB", {1: 10, 3: 12}))
    assert values(valuation) == [None, D(20), D(20), D(24), D(24)]
    observed = valuation.holdings["price_session"].to_list()
    assert observed == [None, day(1), day(1), day(3), day(3)]
    assert values(valuation, column="unknown_reason")[0] == "no price of BBB yet"


def test_a_currency_without_a_fixing_makes_the_value_unknown_and_says_so() -> None:
    valuation = value([DEPOSIT], per_euro={0: "2"}, age_limit=2)
    assert values(valuation) == [D(500), D(500), D(500), None, None]
    assert values(valuation, column="unknown_reason")[-1] == "no exchange rate of USD"


def test_a_commodity_that_nobody_lists_is_unknown_rather_than_nothing() -> None:
    assert values(value([DEPOSIT, on(2, 1, "XXX", "3")]))[:2] == [D(500), None]


def test_a_closed_position_leaves_the_series() -> None:
    rows = [DEPOSIT, *bought(2, 1, "AAA", "10", "-400"), *bought(4, 3, "AAA", "-10", "500")]
    valuation = value(rows, prices=closes("AAA", [40, 40, 40, 50, 99]))
    held = valuation.holdings.filter(pl.col("commodity") == "AAA")["session"].to_list()
    assert held == [day(1), day(2)]
    assert values(valuation) == [D(500), D(500), D(500), D(550), D(550)]


def test_a_portfolio_that_holds_nothing_any_more_is_worth_nothing() -> None:
    rows = [DEPOSIT, on(2, 2, "USD", "-1000", kind="withdrawal")]
    assert values(value(rows)) == [D(500), D(500), D(0), D(0), D(0)]


def test_nothing_is_told_of_sessions_before_the_first_posting() -> None:
    valuation = value([on(1, 3, "USD", "1000", kind="deposit")])
    assert valuation.portfolios["session"].unique().sort().to_list() == [day(3), day(4)]


def test_what_happens_between_sessions_counts_from_the_next_one() -> None:
    rows = [DEPOSIT, on(2, 3, "USD", "200", kind="deposit"), on(3, 9, "USD", "1", kind="deposit")]
    valuation = value(rows, sessions=[0, 2, 4, 6])
    assert values(valuation) == [D(500), D(500), D(600), D(600)]
    assert values(valuation, column="flow_base") == [D(500), D(0), D(100), D(0)]


def test_what_happened_before_the_first_session_is_there_from_the_start() -> None:
    assert values(value([DEPOSIT], sessions=[3, 4], per_euro={3: "2"})) == [D(500), D(500)]


def test_a_reversed_posting_never_happened() -> None:
    wrong = on(2, 1, "USD", "70", kind="dividend")
    undone = on(3, 3, "USD", "-70", kind="dividend", reverses="p0002")
    assert values(value([DEPOSIT, wrong, undone])) == [D(500)] * 5


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "transfer", "adjustment"])
def test_money_from_outside_is_a_flow(kind: str) -> None:
    valuation = value([DEPOSIT, on(2, 1, "USD", "-30", kind=kind)])
    assert values(valuation, column="flow_base")[1] == D(-15)


@pytest.mark.parametrize("kind", ["dividend", "fee", "interest", "withholding_tax", "commission"])
def test_what_the_portfolio_earns_or_pays_is_no_flow(kind: str) -> None:
    valuation = value([DEPOSIT, on(2, 1, "USD", "-30", kind=kind)])
    assert values(valuation, column="flow_base")[1] == D(0)


def test_a_transfer_in_kind_is_a_flow_at_the_close_of_its_session() -> None:
    rows = [DEPOSIT, on(2, 1, "AAA", "10", kind="transfer")]
    valuation = value(rows, prices=closes("AAA", [40, 44, 46]), sessions=3)
    assert values(valuation, column="flow_base") == [D(500), D(220), D(0)]


def test_a_transfer_between_accounts_is_a_flow_of_each_and_none_of_the_total() -> None:
    rows = [
        DEPOSIT,
        on(2, 1, "USD", "-100", kind="transfer"),
        on(3, 1, "USD", "100", kind="transfer", account_id="b"),
    ]
    valuation = value(rows, sessions=2)
    assert values(valuation, column="flow_base") == [D(500), D(0)]
    assert values(valuation, "a", "flow_base") == [D(500), D(-50)]
    assert values(valuation, "b", "flow_base") == [D(50)]


def test_a_bucket_transfer_is_a_flow_of_the_buckets_only() -> None:
    rows = [
        DEPOSIT,
        on(2, 1, "USD", "-100", kind="bucket_transfer"),
        on(3, 1, "USD", "100", kind="bucket_transfer", bucket_id="bold"),
    ]
    valuation = value(rows, sessions=2)
    assert values(valuation, "a", "flow_base") == [D(500), D(0)]
    assert values(valuation, "a/core", "flow_base") == [D(500), D(-50)]
    assert values(valuation, "a/bold") == [D(50)]


def test_a_split_changes_quantity_and_price_and_not_the_value() -> None:
    rows = [on(1, 0, "BBB", "2", kind="transfer"), on(2, 2, "BBB", "6", kind="split")]
    quoted = closes("BBB", [40, 40, 10, 10, 10])
    assert values(value(rows, prices=quoted)) == [D(80)] * 5


def test_a_price_carried_over_a_split_is_restated() -> None:
    rows = [on(1, 0, "BBB", "2", kind="transfer"), on(2, 2, "BBB", "6", kind="split")]
    valuation = value(rows, prices=closes("BBB", {1: 40, 4: 11}),
                      corporate=[split("BBB", day(2), "4")])  # fmt: skip
    assert values(valuation)[1:] == [D(80), D(80), D(80), D(88)]


def test_a_multiplier_is_the_value_of_one_point() -> None:
    rows = [on(1, 0, "OPT", "-2", kind="transfer")]
    valuation = value(rows, prices=closes("OPT", [3]), sessions=1)
    assert values(valuation) == [D(-300)]


def test_no_postings_have_no_value() -> None:
    valuation = value([])
    assert (valuation.portfolios.height, valuation.holdings.height) == (0, 0)


histories = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["core", "bold"]),
        st.sampled_from(["AAA", "BBB", "EUR", "USD"]),
        st.decimals(-1000, 1000, places=4),
        st.integers(0, 7),
        st.sampled_from(["trade", "deposit", "transfer", "dividend", "bucket_transfer"]),
    ),
    max_size=12,
)
quotes = st.lists(
    st.tuples(st.sampled_from(["AAA", "BBB"]), st.integers(0, 7), st.floats(1, 100)),
    max_size=12,
    unique_by=lambda quote: quote[:2],
)
RATES = {0: "1.1", 2: "1.3", 3: "1.25", 7: "0.9"}


def rows_of(moves: list[Any]) -> list[Row]:
    return [
        on(n, session, commodity, str(quantity), account_id=account, bucket_id=bucket, kind=kind)
        for n, (account, bucket, commodity, quantity, session, kind) in enumerate(moves)
    ]


def valued(rows: list[Row], seen: list[Any], sessions: int = 8) -> Any:
    quoted = [bar for symbol, n, close in seen for bar in closes(symbol, {n: round(close, 2)})]
    return value(rows, prices=quoted, sessions=sessions, per_euro=RATES)


def by_hand(rows: list[Row], seen: list[Any], account: str, number: int) -> Decimal | None:
    """Value an account with a loop over its commodities; None where something is unknown."""
    to_euro = Rates.of(cross_rates(fixings(RATES), ["EUR", "USD"], day(number), age_limit=5))
    total = D(0)
    for commodity in ("AAA", "BBB", "EUR", "USD"):
        held = sum(
            (
                row["quantity"]
                for row in rows
                if row["account_id"] == account
                and row["commodity"] == commodity
                and row["occurred_at"] < at(number + 1, 0)
            ),
            D(0),
        )
        known = [(n, close) for symbol, n, close in seen if symbol == commodity and n <= number]
        if held and commodity in CURRENCY_OF:
            if not known:
                return None
            held *= D(str(round(max(known)[1], 2)))
        total += to_euro.convert(held, CURRENCY_OF.get(commodity, commodity), "EUR")
    return total


@framewise
@given(histories, quotes)
def test_every_session_is_a_sum_over_what_is_held(moves: list[Any], seen: list[Any]) -> None:
    rows = rows_of(moves)
    accounts = valued(rows, seen).portfolios.filter(level="account")
    for account, session, worth in accounts.select("subject", "session", "value_base").rows():
        expected = by_hand(rows, seen, account, (session - day(0)).days)
        if expected is None or worth is None:
            assert worth == expected
        else:
            assert abs(worth - expected) <= D("0.000001")


@framewise
@given(histories, quotes, st.integers(1, 7))
def test_what_comes_later_changes_nothing_before(moves: list[Any], seen: list[Any], n: int) -> None:
    rows = rows_of(moves)
    early = valued(
        [r for r in rows if r["occurred_at"] < at(n, 0)], [q for q in seen if q[1] < n], n
    )
    late = valued(rows, seen)
    for name in ("holdings", "movements", "portfolios"):
        before = getattr(late, name).filter(pl.col("session") < day(n))
        assert_frame_equal(before, getattr(early, name))


@framewise
@given(histories, quotes, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(moves: list[Any], seen: list[Any], random: Any) -> None:
    rows, shuffled = rows_of(moves), rows_of(moves)
    random.shuffle(shuffled)
    assert_frame_equal(
        valued(rows, seen).portfolios, valued(shuffled, list(reversed(seen))).portfolios
    )


@framewise
@given(histories, quotes)
def test_levels_add_up(moves: list[Any], seen: list[Any]) -> None:
    portfolios = valued(rows_of(moves), seen).portfolios.sort("session")
    sums = {
        level: portfolios.filter(level=level).group_by("session").agg(
            pl.when(pl.col("value_base").is_not_null().all()).then(pl.col("value_base").sum())
        ).sort("session")
        for level in ("total", "account", "bucket")
    }  # fmt: skip
    assert_frame_equal(sums["total"], sums["account"])
    assert_frame_equal(sums["total"], sums["bucket"])
