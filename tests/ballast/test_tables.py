"""The vocabulary: every table explains its columns, and every rule of every table refuses something."""

from __future__ import annotations

import inspect
import math

import dataframely as dy
import pytest

from ballast import tables
from ballast.tables import (
    Bars,
    CorporateActions,
    ExchangeRates,
    Postings,
    Prices,
    Recommendations,
    ReferenceRates,
    Securities,
    TargetWeights,
    describe_columns,
    polars_schema,
)
from tests.ballast.builders import D, Row, bar, day, dividend, posting, prices, split, table

ALL_TABLES = [
    schema
    for _, schema in inspect.getmembers(tables, inspect.isclass)
    if issubclass(schema, dy.Schema) and schema is not dy.Schema
]


def broken(schema: type[dy.Schema], row: Row) -> set[str]:
    """Return the names of the rules that a row breaks."""
    return set(schema.filter(table(schema, [row])).failure.counts())


SECURITY = {
    "symbol": "AAA", "name": "A", "exchange": "XNYS", "currency": "USD", "kind": "equity",
    "lot_size": D(1), "multiplier": D(1), "allow_buy": True, "allow_sell": True,
}  # fmt: skip
BAR = bar("AAA", day(1), 100.0)
PRICE = prices({"AAA": "5"}).row(0, named=True)
RATE = {"from_currency": "EUR", "to_currency": "USD", "rate": D("1.1"), "rate_date": day(0)}
FIXING = {"rate_date": day(0), "currency": "USD", "per_euro": D("1.1")}
SPLIT = split("AAA", day(0), "2") | {"source": "test"}
DIVIDEND = dividend("AAA", day(0), "1") | {"source": "test"}
TARGET = {"account_id": "a", "symbol": "AAA", "target_weight": 0.5}


@pytest.mark.parametrize("schema", ALL_TABLES, ids=lambda schema: schema.__name__)
def test_every_column_is_explained_and_every_table_has_a_key(schema: type[dy.Schema]) -> None:
    descriptions = describe_columns(schema)
    assert list(descriptions) == polars_schema(schema).names()
    assert all(descriptions.values())
    assert schema.primary_key()


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        (Securities, SECURITY), (Bars, BAR), (Prices, PRICE), (ExchangeRates, RATE),
        (ReferenceRates, FIXING), (CorporateActions, SPLIT), (CorporateActions, DIVIDEND),
        (TargetWeights, TARGET), (Postings, posting(1, "USD", "5")),
        (Prices, PRICE | {"price": None}),
        (Bars, BAR | {"open": None, "high": None, "low": None, "volume": None}),
    ],
)  # fmt: skip
def test_a_sound_row_breaks_no_rule(schema: type[dy.Schema], row: Row) -> None:
    assert broken(schema, row) == set()


@pytest.mark.parametrize(
    ("schema", "row", "rule"),
    [
        (Securities, SECURITY | {"lot_size": D(0)}, "lot_size_is_positive"),
        (Bars, BAR | {"close": 0.0}, "prices_are_positive"),
        (Bars, BAR | {"open": -1.0}, "prices_are_positive"),
        (Bars, BAR | {"high": math.inf}, "high|inf"),
        (Bars, BAR | {"open": math.nan}, "open|nan"),
        (Bars, BAR | {"high": 99.0}, "high_and_low_enclose_open_and_close"),
        (Bars, BAR | {"low": 101.0}, "high_and_low_enclose_open_and_close"),
        (Bars, BAR | {"known_on": day(0)}, "known_on_is_not_before_the_session"),
        (Bars, BAR | {"close": None}, "close|nullability"),
        (CorporateActions, SPLIT | {"ratio": D(0)}, "split_has_a_positive_ratio"),
        (CorporateActions, SPLIT | {"ratio": None}, "split_has_a_positive_ratio"),
        (CorporateActions, DIVIDEND | {"amount": D(-1)}, "dividend_has_a_positive_amount"),
        (CorporateActions, DIVIDEND | {"amount": None}, "dividend_has_a_positive_amount"),
        (CorporateActions, SPLIT | {"kind": "merger"}, "kind|regex"),
        (Prices, PRICE | {"price": D(0)}, "price_is_positive"),
        (ExchangeRates, RATE | {"rate": D(0)}, "rate_is_positive"),
        (ReferenceRates, FIXING | {"per_euro": D(-1)}, "rate_is_positive"),
        (TargetWeights, TARGET | {"target_weight": 1.1}, "target_weight|max"),
        (
            Postings,
            posting(1, "AAA", "5", unit_cost=D(5)),
            "trades_of_securities_name_their_price_currency",
        ),
        (Postings, posting(1, "AAA", "5") | {"quantity": None}, "quantity|nullability"),
        (Securities, SECURITY | {"symbol": ""}, "symbol|min_length"),
    ],
)
def test_each_rule_refuses_what_it_is_there_for(
    schema: type[dy.Schema], row: Row, rule: str
) -> None:
    assert rule in broken(schema, row)


@pytest.mark.parametrize("schema", ALL_TABLES, ids=lambda schema: schema.__name__)
def test_money_prices_and_quantities_are_never_floats(schema: type[dy.Schema]) -> None:
    """Bars are observations and weights are analytics; everything else that counts is exact."""
    exact = {
        "quantity", "price", "value", "value_base", "cost_basis", "average_cost", "unit_cost",
        "balance", "equity", "amount", "fee", "rate", "per_euro", "ratio", "lot_size",
        "cash_after_base", "unrealised_gain", "local_value", "broker_value", "difference",
        "tolerance", "average_price", "value_before", "reserve", "cash_before", "cash_after",
        "fees",
    }  # fmt: skip
    for name, dtype in polars_schema(schema).items():
        if name in exact:
            assert dtype.is_decimal(), name


def test_a_repeated_key_is_refused() -> None:
    found = Bars.filter(table(Bars, [BAR, BAR])).failure.counts()
    assert set(found) == {"primary_key"}


def test_the_side_of_a_step_is_one_of_three() -> None:
    assert "side|regex" in broken(Recommendations, {"side": "hold"})
    assert "side|regex" not in broken(Recommendations, {"side": "exchange"})
