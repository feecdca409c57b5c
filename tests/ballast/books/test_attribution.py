"""Where returns came from: cases by hand, and parts that always sum to the whole."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.books.attribution import contributions, linked_contributions
from ballast.books.performance import daily_returns
from ballast.books.valuation import Valuation
from ballast.tables import Contributions, PeriodContributions
from tests.ballast.books.valued import (
    CURRENCY_OF,
    bought,
    closes,
    listing,
    on,
    securities_table,
    value,
)
from tests.ballast.builders import Row, day, framewise

LISTED = securities_table([listing(symbol) for symbol in CURRENCY_OF])
DEPOSIT = on(1, 0, "EUR", "1000", kind="deposit")
DIMENSIONS = {"security", "country", "industry", "currency", "effect"}


def parts(valuation: Valuation, session: int, dimension: str) -> dict[str, float]:
    frame = contributions(valuation, LISTED, "total")
    Contributions.validate(frame)
    chosen = frame.filter(session=day(session), dimension=dimension)
    return dict(chosen.select("label", "contribution").iter_rows())


def test_a_price_move_belongs_to_its_security_country_and_industry() -> None:
    rows = [DEPOSIT, on(2, 0, "BBB", "10", kind="transfer")]
    valuation = value(rows, prices=closes("BBB", [100, 110]), sessions=2)
    moved = pytest.approx(100 / 2000)
    assert parts(valuation, 1, "security") == {"BBB": moved}
    assert parts(valuation, 1, "country") == {"NL": moved}
    assert parts(valuation, 1, "industry") == {"Tools": moved}
    assert parts(valuation, 1, "currency") == {"EUR": moved}
    assert parts(valuation, 1, "effect") == {"price": moved}


def test_price_and_exchange_rate_are_told_apart() -> None:
    rows = [on(1, 0, "AAA", "10", kind="transfer"), on(2, 0, "USD", "1000", kind="deposit")]
    valuation = value(rows, prices=closes("AAA", [100, 110]), sessions=2,
                      per_euro={0: "2", 1: "1.6"})  # fmt: skip
    assert parts(valuation, 1, "effect") == {
        "exchange_rate": pytest.approx(0.25),
        "price": pytest.approx(100 / 1.6 / 1000),
    }
    assert parts(valuation, 1, "security") == {
        "AAA": pytest.approx((1100 / 1.6 - 500) / 1000),
        "cash": pytest.approx((1000 / 1.6 - 500) / 1000),
    }
    assert parts(valuation, 1, "currency") == {"USD": pytest.approx(2100 / 1.6 / 1000 - 1)}


def test_dividends_and_fees_belong_to_the_security_that_they_concern() -> None:
    rows = [
        DEPOSIT,
        on(2, 1, "EUR", "30", kind="dividend", concerns="BBB"),
        on(3, 1, "EUR", "-5", kind="withholding_tax", concerns="BBB"),
        on(4, 1, "EUR", "-7", kind="fee"),
        on(5, 1, "EUR", "2", kind="interest"),
    ]
    valuation = value(rows, sessions=2)
    assert parts(valuation, 1, "security") == {
        "BBB": pytest.approx(0.025), "costs": pytest.approx(-0.007), "cash": pytest.approx(0.002),
    }  # fmt: skip
    assert parts(valuation, 1, "effect") == {
        "income": pytest.approx(0.032), "costs": pytest.approx(-0.012),
    }  # fmt: skip


def test_a_trade_belongs_to_its_security_in_the_security_s_currency() -> None:
    rows = [DEPOSIT, on(2, 0, "USD", "1000", kind="deposit"), *bought(3, 1, "AAA", "10", "-400")]
    valuation = value(rows, prices=closes("AAA", [40, 42]), sessions=2)
    gained = pytest.approx(10 / 1500)
    assert parts(valuation, 1, "security") == {"AAA": gained}
    assert parts(valuation, 1, "currency") == {"USD": gained}
    assert parts(valuation, 1, "effect") == {"trading": gained}


def test_an_exchange_gains_what_it_was_better_than_the_rate_of_the_session() -> None:
    legs = {"kind": "exchange", "transaction_id": "x"}
    rows = [DEPOSIT, on(2, 1, "EUR", "-100", **legs), on(3, 1, "USD", "210", **legs)]
    valuation = value(rows, sessions=2)
    assert parts(valuation, 1, "security") == {"cash": pytest.approx(0.005)}
    assert parts(valuation, 1, "currency") == {"USD": pytest.approx(0.005)}


def test_a_split_gains_nothing() -> None:
    rows = [on(1, 0, "BBB", "2", kind="transfer"), on(2, 1, "BBB", "6", kind="split")]
    valuation = value(rows, prices=closes("BBB", [40, 10]), sessions=2)
    assert parts(valuation, 1, "security") == {}


def test_a_merger_gains_what_the_new_units_are_worth_more() -> None:
    legs = {"kind": "merger", "transaction_id": "m"}
    rows = [
        on(1, 0, "BBB", "10", kind="transfer"),
        on(2, 1, "BBB", "-10", concerns="AAA", **legs),
        on(3, 1, "AAA", "5", concerns="BBB", **legs),
    ]
    quoted = [*closes("BBB", [40]), *closes("AAA", {1: 200})]
    valuation = value(rows, prices=quoted, sessions=2)
    assert parts(valuation, 1, "security") == {"BBB": pytest.approx(0.25)}


def test_the_day_of_a_sale_belongs_to_what_was_sold() -> None:
    rows = [on(1, 0, "BBB", "10", kind="transfer"), *bought(2, 1, "BBB", "-10", "450")]
    valuation = value(rows, prices=closes("BBB", [40, 44]), sessions=3)
    assert parts(valuation, 1, "security") == {"BBB": pytest.approx(0.125)}
    assert parts(valuation, 2, "security") == {}


def test_what_nobody_classified_is_unknown_and_not_left_out() -> None:
    plain = securities_table([listing("BBB", country=None, industry=None)])
    valuation = value([on(1, 0, "BBB", "1", kind="transfer")], prices=closes("BBB", [40, 44]))
    frame = contributions(valuation, plain, "total").filter(session=day(1), dimension="country")
    assert frame["label"].to_list() == ["unknown"]


def test_a_session_with_an_unknown_return_has_no_parts() -> None:
    rows = [DEPOSIT, on(2, 0, "BBB", "1", kind="transfer"), on(3, 1, "AAA", "1", kind="transfer")]
    valuation = value(rows, prices=[*closes("BBB", [1, 2, 3, 4, 5]), *closes("AAA", {2: 3})])
    frame = contributions(valuation, LISTED, "total")
    assert frame["session"].unique().sort().to_list() == [day(3), day(4)]


KINDS = [
    "trade", "commission", "fee", "dividend", "withholding_tax", "interest", "exchange", "split",
    "merger", "spin_off", "cash_in_lieu", "deposit", "withdrawal", "transfer", "bucket_transfer",
    "adjustment",
]  # fmt: skip
histories = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["core", "bold"]),
        st.sampled_from(["AAA", "BBB", "EUR", "USD"]),
        st.decimals(-20, 20, places=4),
        st.integers(0, 7),
        st.sampled_from(KINDS),
        st.sampled_from([None, "AAA", "BBB", "ZZZ"]),
    ),
    max_size=15,
)
walks = st.lists(st.floats(5, 20).map(lambda price: round(price, 3)), min_size=8, max_size=8)


def lively(
    moves: list[Any], one: list[float], other: list[float], rates: list[float], until: int = 8
) -> Valuation:
    """Value any history of accounts that start with enough to stay above zero."""
    rows: list[Row] = [
        on(900 + number, 0, commodity, "5000", kind="deposit", account_id=account, bucket_id=bucket)
        for number, (account, bucket, commodity) in enumerate(
            (a, b, c) for a in ("a", "b") for b in ("core", "bold") for c in ("EUR", "AAA")
        )
    ]
    rows += [
        on(n, session, what, str(quantity), kind=kind, concerns=concerns, account_id=account,
           bucket_id=bucket, transaction_id=f"t{n // 2}")
        for n, (account, bucket, what, quantity, session, kind, concerns) in enumerate(moves)
        if session < until
    ]  # fmt: skip
    per_euro = {number: str(round(rate / 10, 3)) for number, rate in enumerate(rates)}
    quoted = [*closes("AAA", one), *closes("BBB", other)]
    return value(rows, prices=quoted, sessions=8, per_euro=per_euro)


@framewise
@given(histories, walks, walks, walks, st.sampled_from(["total", "account", "bucket"]))
def test_parts_of_a_session_sum_to_its_return(
    moves: list[Any], one: list[float], other: list[float], rates: list[float], level: str
) -> None:
    valuation = lively(moves, one, other, rates)
    frame = contributions(valuation, LISTED, level)
    Contributions.validate(frame)
    sums = {
        row[:3]: row[3]
        for row in frame.group_by("subject", "session", "dimension")
        .agg(pl.col("contribution").sum())
        .iter_rows()
    }
    returns = daily_returns(valuation.portfolios.filter(level=level)).drop_nulls("daily_return")
    assert returns.height
    for subject, session, expected in returns.select("subject", "session", "daily_return").rows():
        for dimension in DIMENSIONS:
            assert abs(sums.get((subject, session, dimension), 0.0) - expected) < 1e-12


@framewise
@given(histories, walks, walks, walks)
def test_linked_parts_sum_to_the_return_of_the_span(
    moves: list[Any], one: list[float], other: list[float], rates: list[float]
) -> None:
    valuation = lively(moves, one, other, rates)
    returns = daily_returns(valuation.portfolios.filter(level="account"))
    linked = linked_contributions(contributions(valuation, LISTED, "account"), returns)
    PeriodContributions.validate(linked)
    for subject in ("a", "b"):
        of_one = returns.filter(subject=subject)
        total = (1 + of_one["daily_return"].drop_nulls()).product() - 1
        for dimension in DIMENSIONS:
            chosen = linked.filter(subject=subject, dimension=dimension)
            assert chosen["contribution"].sum() == pytest.approx(total, abs=1e-11)
            annual = (1 + total) ** (252 / 7) - 1
            if abs(total) > 1e-6:
                assert chosen["annual_contribution"].sum() == pytest.approx(annual, rel=1e-6)


def test_parts_of_a_span_are_worth_what_they_grew_to() -> None:
    rows = [on(1, 0, "BBB", "1", kind="transfer"), on(2, 1, "EUR", "11", kind="dividend")]
    valuation = value(rows, prices=closes("BBB", [100, 99, 88]), sessions=3)
    returns = daily_returns(valuation.portfolios.filter(level="total"))
    linked = linked_contributions(contributions(valuation, LISTED, "total"), returns)
    chosen = dict(linked.filter(dimension="security").select("label", "contribution").rows())
    # Of one unit: the dividend adds 0.11 on the first day, the price takes 0.01 and then 0.1 of 1.1.
    assert chosen == {"cash": pytest.approx(0.11), "BBB": pytest.approx(-0.01 - 1.1 * 0.1)}


def test_parts_of_a_span_with_an_unknown_return_are_unknown() -> None:
    rows = [DEPOSIT, on(2, 1, "EUR", "5", kind="interest"), on(3, 2, "AAA", "1", kind="transfer")]
    valuation = value(rows, prices=closes("AAA", {3: 3}))
    returns = daily_returns(valuation.portfolios.filter(level="total"))
    linked = linked_contributions(contributions(valuation, LISTED, "total"), returns)
    assert linked["contribution"].is_null().all()


@framewise
@given(histories, walks, walks, walks, st.integers(2, 7))
def test_what_comes_later_changes_no_part(
    moves: list[Any], one: list[float], other: list[float], rates: list[float], n: int
) -> None:
    whole = contributions(lively(moves, one, other, rates), LISTED, "total")
    cut = contributions(lively(moves, one, other, rates, n), LISTED, "total")
    before = pl.col("session") < day(n)
    assert_frame_equal(whole.filter(before), cut.filter(before))
