"""The drawdown is that of the investment: what the owner pays in or out neither makes nor hides one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.books.performance import daily_returns
from ballast.guards.drawdown import DRAWDOWN, drawdown_guard, equities, measured_anew
from ballast.market.drawdowns import drawdowns
from ballast.tables import PortfolioValues, Positions
from tests.ballast.builders import cash, day, framewise, position, table
from tests.ballast.guards.accounts import SETTINGS, row_of

percents = st.integers(-30, 30)
flows = st.integers(-5_000, 50_000)


def growth_of(steps: list[tuple[int, int]]) -> tuple[pl.DataFrame, Decimal]:
    """Return `Drawdowns` of an account by the return of each session (percent) and its flow, and its last value."""
    value = Decimal(10_000)
    rows = [values_row(0, value, value)]
    for number, (percent, flow) in enumerate(steps, 1):
        grown = value * (100 + percent) / 100
        paid = max(Decimal(flow), 1 - grown)
        value = (grown + paid).quantize(Decimal("0.00000001"))
        rows.append(values_row(number, value, paid))
    return drawdowns(daily_returns(table(PortfolioValues, rows))), value


def values_row(number: int, value: Decimal | None, flow: Decimal) -> dict[str, object]:
    return {
        "level": "account", "subject": "one", "session": day(number), "value_base": value,
        "cash_base": value, "flow_base": flow.quantize(Decimal("0.00000001")),
        "unknown_reason": None if value is not None else "a price is missing",
    }  # fmt: skip


def judged(
    growth: pl.DataFrame,
    value: Decimal | None,
    session: date,
    restarts: dict[str, date] | None = None,
) -> dict[str, object]:
    rows = [cash("one", "EUR", str(value))] if value is not None else [position("one", "A", "1")]
    worth = equities(table(Positions, rows), growth, ["one"], ["one"], restarts or {}, session)
    return row_of(drawdown_guard(worth, SETTINGS), DRAWDOWN)


@framewise
@given(steps=st.lists(st.tuples(percents, flows), min_size=1, max_size=8))
def test_deposits_and_withdrawals_neither_make_nor_hide_a_drawdown(
    steps: list[tuple[int, int]],
) -> None:
    session = day(len(steps))
    with_flows = judged(*growth_of(steps), session)
    without = judged(*growth_of([(percent, 0) for percent, _ in steps]), session)
    # A value is kept to eight decimals, so that the last digit of a percentage may fall on either side.
    assert abs(with_flows["measured"] - without["measured"]) <= Decimal("0.01")  # type: ignore[operator]
    assert with_flows["measured"] >= 0  # type: ignore[operator]


def test_a_deposit_at_the_bottom_does_not_hide_the_fall() -> None:
    assert judged(*growth_of([(-20, 0), (0, 40_000)]), day(2))["state"] == "act"
    assert judged(*growth_of([(-20, 40_000)]), day(1))["state"] == "act"


def test_a_withdrawal_at_the_top_is_no_fall() -> None:
    found = judged(*growth_of([(10, 0), (0, -5_000), (0, -5_000)]), day(3))
    assert found["state"] == "ok"
    assert found["measured"] == 0


def test_the_peak_never_falls_while_the_capital_stays() -> None:
    growth, _ = growth_of([(10, 0), (-10, 0), (5, 0), (20, 0), (-3, 0)])
    value, peaks = Decimal(10_000), []
    for number, percent in enumerate((0, 10, -10, 5, 20, -3)):
        value = value * (100 + percent) / 100
        rows = table(Positions, [cash("one", "EUR", str(value))])
        worth = equities(rows, growth, ["one"], ["one"], {}, day(number))
        peaks.append(worth["peak"].item().quantize(Decimal("0.01")))
    assert peaks == sorted(peaks)
    assert peaks[-1] == Decimal("12474.00")


def test_a_fall_lasts_as_long_as_its_peak_and_keeps_its_identity() -> None:
    growth, _ = growth_of([(10, 0), (-20, 0), (5, 0), (-2, 0)])
    falls = [judged(growth, Decimal(9_000), day(number))["episode"] for number in (2, 3, 4)]
    assert set(falls) == {f"drawdown-{day(1)}"}


def test_a_value_that_was_unknown_on_the_way_leaves_the_drawdown_unknown() -> None:
    rows = [
        values_row(0, Decimal(100), Decimal(100)),
        values_row(1, None, Decimal(0)),
        values_row(2, Decimal(100), Decimal(0)),
    ]
    growth = drawdowns(daily_returns(table(PortfolioValues, rows)))
    assert judged(growth, Decimal(1_000), day(2))["state"] == "unknown"


@pytest.mark.parametrize("restart", [1, 2])
def test_a_person_may_have_the_drawdown_measured_anew(restart: int) -> None:
    growth, value = growth_of([(-30, 0), (0, 0), (-4, 0)])
    assert judged(growth, value, day(3))["state"] == "act"
    found = judged(growth, value, day(3), {"one": day(restart)})
    assert found["measured"] == Decimal("4.00")
    assert found["episode"] is None
    assert judged(growth, value, day(restart), {"one": day(restart)})["measured"] == 0
    # What was before the restart is left as it was, for who looks back.
    assert judged(growth, value, day(3), {"two": day(restart)})["state"] == "act"


def test_measuring_anew_ends_an_unknown_past() -> None:
    rows = [
        values_row(0, Decimal(1_000), Decimal(1_000)),
        values_row(1, None, Decimal(0)),
        values_row(2, Decimal(1_000), Decimal(0)),
        values_row(3, Decimal(900), Decimal(0)),
    ]
    growth = drawdowns(daily_returns(table(PortfolioValues, rows)))
    assert judged(growth, Decimal(900), day(3))["state"] == "unknown"
    assert judged(growth, Decimal(900), day(3), {"one": day(2)})["measured"] == Decimal("10.00")


def test_other_levels_and_accounts_are_left_alone() -> None:
    growth, _ = growth_of([(-30, 0)])
    total = growth.with_columns(level=pl.lit("total"))
    assert measured_anew(pl.concat([growth, total]), {}).equals(growth)
    assert measured_anew(growth, {"two": day(0)}).equals(growth)


def test_an_account_whose_postings_sum_to_nothing_is_worth_nothing() -> None:
    growth, _ = growth_of([(0, 0)])
    worth = equities(table(Positions, []), growth, ["one", "new"], ["one"], {}, day(1))
    assert dict(worth.select("account_id", "equity").iter_rows()) == {"one": 0, "new": None}
