"""What asks for a new plan: weights at the border of their drift, and cash at the border of what is worth a trade."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.tables import Positions, TargetWeights
from ballast.trading.rebalancing import Wish, cash_rich, drifted
from tests.ballast.builders import D, Row, framewise, table

THRESHOLD = 0.05
RESERVES, SMALLEST, MULTIPLE = {"europe": D(1000)}, {"europe": D(250)}, D(4)


def held(symbol: str, weight: float | None, account: str = "europe") -> Row:
    return {"account_id": account, "commodity": symbol, "is_cash": False, "weight": weight}


def cash(
    currency: str, value: str | None, weight: float | None = 0.0, account: str = "europe"
) -> Row:
    return {
        "account_id": account, "commodity": currency, "is_cash": True, "weight": weight,
        "value_base": None if value is None else D(value),
    }  # fmt: skip


def target(symbol: str, weight: float, account: str = "europe") -> Row:
    return {"account_id": account, "symbol": symbol, "target_weight": weight}


def drift(positions: list[Row], targets: list[Row], threshold: float = THRESHOLD) -> list[Wish]:
    return drifted(table(Positions, positions), table(TargetWeights, targets), threshold)


def rich(*positions: Row, **other: Any) -> list[Wish]:
    facts: dict[str, Any] = {
        "reserves": RESERVES,
        "smallest_trades": SMALLEST,
        "multiple": MULTIPLE,
    }
    return cash_rich(table(Positions, positions), **(facts | other))


@pytest.mark.parametrize(
    ("weight", "wished"),
    [(0.35, True), (0.25, True), (0.3499, False), (0.2501, False), (0.3, False), (0.5, True)],
)
def test_a_weight_has_drifted_at_its_threshold_above_and_below(weight: float, wished: bool) -> None:
    assert bool(drift([held("A", weight)], [target("A", 0.30)])) == wished


@pytest.mark.parametrize(("wanted", "weight"), [(0.1, 0.15), (0.7, 0.75), (0.3, 0.25), (0.8, 0.75)])
def test_the_last_bit_of_a_difference_does_not_hide_the_threshold(
    wanted: float, weight: float
) -> None:
    assert drift([held("A", weight)], [target("A", wanted)])


def test_what_is_held_without_a_target_is_wanted_gone() -> None:
    (wish,) = drift([held("A", 0.06), held("B", 0.3)], [target("B", 0.3)])
    assert wish == Wish("europe", "drift", "A has 6.0% of europe, its target is 0.0%")
    assert drift([held("A", 0.04), held("B", 0.3)], [target("B", 0.3)]) == []


def test_a_target_that_is_not_held_is_wanted() -> None:
    (wish,) = drift([held("B", 0.3), cash("EUR", "1", 0.7)], [target("A", 0.1), target("B", 0.3)])
    assert wish.reason == "A has 0.0% of europe, its target is 10.0%"


def test_cash_alone_is_no_drift_and_an_account_that_holds_nothing_is_not_judged() -> None:
    assert drift([cash("EUR", "1000", 1.0)], []) == []
    assert drift([cash("EUR", "1000", 1.0)], [target("A", 0.04)]) == []
    assert drift([], [target("A", 1.0)]) == []
    assert drift([held("A", 0.5)], [target("A", 0.5), target("A", 1.0, "america")]) == []


@pytest.mark.parametrize("unknown", [held("B", None), cash("USD", None, None)])
def test_an_account_with_an_unknown_weight_is_not_judged_and_leaves_the_others(
    unknown: Row,
) -> None:
    positions = [held("A", 0.9), unknown, held("A", 0.9, "america")]
    targets = [target("A", 0.1), target("A", 0.1, "america")]
    assert [wish.account_id for wish in drift(positions, targets)] == ["america"]


def test_each_account_is_wished_for_once_with_its_greatest_drift() -> None:
    positions = [held("A", 0.2), held("B", 0.4), held("C", 0.1), held("Z", 1.0, "america")]
    targets = [target("A", 0.1), target("B", 0.1), target("C", 0.1), target("Z", 0.9, "america")]
    wishes = drift(positions, targets)
    assert [wish.account_id for wish in wishes] == ["america", "europe"]
    assert wishes[1].reason.startswith("B has 40.0%")
    # Of equal drifts the first by name, so that the reason does not depend on the order of rows.
    equal = drift([held("B", 0.2), held("A", 0.2)], [])
    assert [wish.reason.split()[0] for wish in equal] == ["A"]


@pytest.mark.parametrize(
    ("value", "wished"), [("2000", True), ("1999.99", False), ("2000.01", True), ("900", False)]
)
def test_cash_is_enough_at_the_multiple_of_the_smallest_trade_above_the_reserve(
    value: str, wished: bool
) -> None:
    assert bool(rich(cash("EUR", value))) == wished


def test_the_reason_names_what_is_free_and_what_would_do() -> None:
    assert rich(cash("EUR", "2500")) == [
        Wish(
            "europe",
            "cash",
            "europe has 1500.00 of cash above its reserve, 1000.00 is enough to invest",
        )
    ]


def test_all_currencies_of_an_account_count_together_and_securities_do_not() -> None:
    assert rich(cash("EUR", "1200"), cash("USD", "800"))
    assert rich(cash("EUR", "2500"), cash("USD", "-501")) == []
    share = held("A", 0.9) | {"value_base": D(100000)}
    assert rich(cash("EUR", "1200"), share) == []


def test_cash_of_unknown_value_and_an_unknown_reserve_or_fee_judge_nothing() -> None:
    assert rich(cash("EUR", "9999"), cash("XXX", None)) == []
    assert rich(cash("EUR", "9999"), reserves={}) == []
    assert rich(cash("EUR", "9999"), smallest_trades={}) == []
    known = rich(
        cash("EUR", "9999"), cash("XXX", None), cash("USD", "9999", account="america"),
        reserves=RESERVES | {"america": D(0)}, smallest_trades=SMALLEST | {"america": D(1)},
    )  # fmt: skip
    assert [wish.account_id for wish in known] == ["america"]


def test_no_cash_above_the_reserve_is_never_enough_even_where_trades_cost_nothing() -> None:
    free = {"smallest_trades": {"europe": D(0)}}
    assert rich(cash("EUR", "1000"), **free) == []
    assert rich(cash("EUR", "1000.01"), **free)


_accounts = st.sampled_from(["america", "asia", "europe"])
_symbols = st.sampled_from(["A", "B", "C", "D"])
_weights = st.integers(0, 20).map(lambda twentieths: twentieths / 20)
_held = st.builds(held, _symbols, _weights | st.none(), _accounts)
_cash = st.builds(
    cash,
    st.sampled_from(["EUR", "HKD", "USD"]),
    st.integers(-3000, 5000).map(str) | st.none(),
    _weights,
    _accounts,
)
_positions = st.lists(
    _held | _cash, max_size=12, unique_by=lambda row: (row["account_id"], row["commodity"])
)
_targets = st.lists(
    st.builds(target, _symbols, _weights, _accounts),
    max_size=8,
    unique_by=lambda row: (row["account_id"], row["symbol"]),
)


@framewise
@given(_positions, _targets, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    positions: list[Row], targets: list[Row], dice: Any
) -> None:
    mixed, mixed_targets = list(positions), list(targets)
    dice.shuffle(mixed)
    dice.shuffle(mixed_targets)
    assert drift(positions, targets) == drift(mixed, mixed_targets)
    reserves = {"america": Decimal(0), "europe": Decimal(1000)}
    smallest = dict.fromkeys(("america", "asia", "europe"), Decimal(100))
    facts = {"reserves": reserves, "smallest_trades": smallest}
    assert rich(*positions, **facts) == rich(*mixed, **facts)


@framewise
@given(_positions, _targets)
def test_an_account_is_wished_for_exactly_if_a_weight_that_is_known_has_drifted(
    positions: list[Row], targets: list[Row]
) -> None:
    expected = set()
    for account in {row["account_id"] for row in positions}:
        own = [row for row in positions if row["account_id"] == account]
        wanted = {r["symbol"]: r["target_weight"] for r in targets if r["account_id"] == account}
        weights = {row["commodity"]: row["weight"] for row in own if not row["is_cash"]}
        if any(row["weight"] is None for row in own):
            continue
        names = weights.keys() | wanted.keys()
        if any(round(abs(weights.get(n, 0) - wanted.get(n, 0)), 9) >= THRESHOLD for n in names):
            expected.add(account)
    found = [wish.account_id for wish in drift(positions, targets)]
    assert found == sorted(expected)


def test_empty_tables_wish_for_nothing() -> None:
    assert drifted(table(Positions, []), table(TargetWeights, []), THRESHOLD) == []
    assert rich() == []
