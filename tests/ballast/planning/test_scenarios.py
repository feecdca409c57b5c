"""Plans judged on what may happen to all securities together."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from ballast.planning.best_plan import BestPlan, best_plan
from ballast.planning.case import SecurityFacts
from ballast.planning.scenarios import joint_returns, scenarios_table
from ballast.tables import DailyReturns, polars_schema
from tests.ballast.planning.accounts import account, candidate
from tests.ballast.planning.opportunities.cases import case_of

_FIRST = date(2020, 1, 1)


def _returns(series: dict[str, list[float | None]]) -> pl.DataFrame:
    rows = [
        {
            "level": "security", "subject": subject, "session": _FIRST + timedelta(days=number),
            "daily_return": value,
        }
        for subject, values in series.items()
        for number, value in enumerate(values)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(DailyReturns))


def _buying(**changes: object) -> BestPlan:
    facts = account(candidate("A", target=Decimal("0.5")), cash={"EUR": Decimal(10_000)})
    return best_plan(case_of(facts, SecurityFacts("A"), **changes))


def test_a_shock_hits_what_the_plan_buys_and_costs_its_fees() -> None:
    table = scenarios_table([_buying()], _returns({}), "IDX")
    assert sorted(set(table["source"])) == ["all -10%", "all -20%", "all -30%"]
    hit = table.filter(source="all -20%", plan="recommended").row(0, named=True)
    # 4,900 in A lose a fifth; 11.80 are paid in fees.
    assert hit["mean"] == pytest.approx(-(980 + 11.8) / 10_000)
    assert table.filter(plan="nothing")["mean"].to_list() == [0.0, 0.0, 0.0]


def test_the_model_needs_a_volatility_and_the_past_needs_days() -> None:
    wobble = [0.01 * (-1) ** n for n in range(80)]
    returns = _returns({"A": wobble, "IDX": wobble})
    sources = set(scenarios_table([_buying(volatilities={"A": 0.3})], returns, "IDX")["source"])
    assert {"model", "history", "worst days"} <= sources
    few = _returns({"A": wobble[:59], "IDX": wobble[:59]})
    assert "history" not in set(scenarios_table([_buying()], few, "IDX")["source"])
    assert "model" not in set(scenarios_table([_buying()], few, "IDX")["source"])


def test_the_same_inputs_give_the_same_figures_to_the_last_bit() -> None:
    chance = np.random.default_rng(7)
    returns = _returns(
        {"A": list(chance.normal(0, 0.01, 90)), "IDX": list(chance.normal(0, 0.01, 90))}
    )
    plan = _buying(volatilities={"A": 0.3})
    first = scenarios_table([plan], returns, "IDX")
    again = scenarios_table([plan], returns.sample(fraction=1.0, shuffle=True, seed=3), "IDX")
    assert first.equals(again)


def test_more_volatility_means_worse_bad_cases() -> None:
    def shortfall(volatility: float) -> float:
        table = scenarios_table([_buying(volatilities={"A": volatility})], _returns({}), "IDX")
        row = table.filter(source="model", plan="recommended").row(0, named=True)
        return float(row["expected_shortfall"])

    assert shortfall(0.6) < shortfall(0.2) < 0


def test_an_unknown_return_is_the_mean_of_the_others_and_a_day_few_know_is_left_out() -> None:
    returns = _returns(
        {
            "A": [0.01, 0.02, None, None],
            "B": [0.03, None, None, 0.05],
            "C": [0.05, 0.04, 0.01, None],
            "IDX": [0.0, 0.01, 0.02, 0.03],
        }
    )
    values, index = joint_returns(returns, ["A", "B", "C"], "IDX")
    np.testing.assert_allclose(values, [[0.01, 0.03, 0.05], [0.02, 0.03, 0.04]])
    assert index.tolist() == [0.0, 0.01]
    nothing, none = joint_returns(returns, ["A"], "UNKNOWN")
    assert nothing.shape == (0, 1)
    assert none.shape == (0,)


def test_an_account_that_cannot_be_planned_has_no_scenarios() -> None:
    blocked = case_of(account(blocked_because="why"))
    assert scenarios_table([best_plan(blocked)], _returns({}), "IDX").is_empty()
