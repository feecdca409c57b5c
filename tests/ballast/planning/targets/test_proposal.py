"""The proposal of an account: sums, bounds, what is left out, and what stands in for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.planning.targets.proposal import Proposal, TargetCase, propose
from ballast.settings import GroupSettings
from tests.ballast.builders import framewise
from tests.ballast.planning.targets.cases import account, settings

COUNTRIES = (
    GroupSettings(name="First", members=("A",), target=0.5),
    GroupSettings(name="Second", members=("B",), target=0.4),
)


def proposed(case: TargetCase, *groups: GroupSettings, **changes: Any) -> Proposal:
    return propose(case, settings(**changes), groups, (), sessions_per_year=252)


def outcomes(found: Proposal) -> list[tuple[str, str]]:
    return [(attempt.part, attempt.outcome) for attempt in found.attempts]


@framewise
@given(st.integers(3, 10), st.integers(0, 1000), st.data())
def test_weights_add_up_within_bounds_and_groups(n: int, seed: int, data: st.DataObject) -> None:
    kinds = st.sampled_from([
        {}, {"allow_sell": False}, {"allow_buy": False}, {"minimum_weight": 0.05},
        {"maximum_weight": 0.5}, {"expected_return": None, "return_reason": "unknown"},
        {"is_blocked": True}, {"current_weight": 0.0},
    ])  # fmt: skip
    rows = {f"S{number}": data.draw(kinds) for number in range(n)}
    case = account(n, seed, rows=rows)
    found = proposed(case, *COUNTRIES, country_tolerance=0.3, country_cap=0.8)
    if not found.weights:
        assert found.attempts[-1].outcome == "failed"
        return
    moved_in_steps = any(attempt.part == "in_steps" for attempt in found.attempts)
    for row in found.facts.iter_rows(named=True):
        weight = found.weights.get(row["symbol"])
        if weight is None:
            assert row["symbol"] in found.left_out
            continue
        # A step may lead from outside the bounds to somewhere nearer.
        start = row["current_weight"] if moved_in_steps else row["lower"]
        assert min(row["lower"], start) - 1e-9 <= weight <= max(row["upper"], start) + 1e-9
    (budget,) = (attempt for attempt in found.attempts if attempt.part == "budget")
    if budget.outcome == "used":
        assert sum(found.weights.values()) == pytest.approx(0.97, abs=1e-9)
    is_full = [a.level for a in found.attempts if a.part == "blend" and a.outcome != "failed"] == [
        "full"
    ]
    if is_full and not moved_in_steps:
        for group in found.groups:
            held = sum(found.weights.get(symbol, 0.0) for symbol in group.members)
            assert group.lower - 1e-8 <= held <= group.upper + 1e-8


@framewise
@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter_to_the_last_bit(seed: int) -> None:
    case = account(6, seed)
    mixed = replace(
        case,
        facts=case.facts.sample(fraction=1.0, shuffle=True, seed=seed),
        levels=case.levels.sample(fraction=1.0, shuffle=True, seed=seed),
    )
    assert proposed(mixed, *COUNTRIES).weights == proposed(case, *COUNTRIES).weights


def test_what_may_neither_be_bought_nor_sold_keeps_its_weight() -> None:
    case = account(6, 1, rows={"S2": {"allow_buy": False, "allow_sell": False}})
    current = case.facts.filter(symbol="S2")["current_weight"].item()
    assert proposed(case).weights["S2"] == current


def test_what_cannot_be_judged_keeps_its_weight_and_the_rest_shares_what_remains() -> None:
    case = account(6, 2, rows={"S1": {"expected_return": None, "return_reason": "no growth"}})
    current = case.facts.filter(symbol="S1")["current_weight"].item()
    found = proposed(case)
    assert found.left_out == {"S1": "no growth"}
    assert found.weights["S1"] == current
    assert sum(found.weights.values()) == pytest.approx(0.97)


def test_what_cannot_be_judged_and_is_not_held_has_no_weight() -> None:
    case = account(6, 3, rows={"S1": {"is_blocked": True, "current_weight": 0.0}})
    found = proposed(case)
    assert "S1" not in found.weights
    assert found.left_out == {"S1": "no fresh price"}


def test_a_security_with_a_short_history_is_left_out() -> None:
    case = account(6, 4)
    last = case.levels["session"].max()
    young = (pl.col("symbol") != "S3") | (pl.col("session") > pl.lit(last).dt.offset_by("-30d"))
    found = proposed(replace(case, levels=case.levels.filter(young)))
    assert found.left_out == {"S3": "29 returns are known, 60 are needed"}
    assert found.risk is not None
    assert found.risk.observations == 300


def test_it_is_told_what_risk_rests_on_and_who_shortens_it() -> None:
    case = account(6, 4)
    whole = proposed(case).attempts[0]
    assert (whole.part, whole.outcome) == ("history", "used")
    assert whole.detail == "risk rests on 300 returns of 6 securities"
    last = case.levels["session"].max()
    young = (pl.col("symbol") != "S3") | (pl.col("session") > pl.lit(last).dt.offset_by("-200d"))
    shorter = replace(case, levels=case.levels.filter(young))
    assert proposed(shorter).attempts[0].detail == (
        "risk rests on 199 returns of 6 securities; S3 shortens it most, by 101"
    )
    left_out = proposed(shorter, history_cost_limit=0.2)
    assert left_out.attempts[0].detail == "risk rests on 300 returns of 5 securities"
    assert left_out.left_out == {
        "S3": "leaves only 199 of 300 returns, no more than 20% may be lost"
    }


def test_a_security_without_any_history_says_so() -> None:
    case = account(5, 4)
    found = proposed(replace(case, levels=case.levels.filter(pl.col("symbol") != "S3")))
    assert found.left_out == {"S3": "no returns are known"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"account_value": None}, "the value of the account is unknown"),
        ({"account_value": 0.0}, "the value of the account is not positive"),
        (
            {"rows": {f"S{n}": {"expected_return": None, "return_reason": "x"} for n in range(8)}},
            "no security has an expected return and a history",
        ),
    ],
)
def test_without_the_facts_there_is_no_proposal_but_a_reason(
    more: dict[str, Any], reason: str
) -> None:
    found = proposed(account(8, 0, **more))
    assert found.weights == {}
    assert found.risk is None
    assert found.attempts[-1].detail == reason


def test_one_security_alone_is_left_to_mean_variance() -> None:
    found = proposed(account(1, 5, rows={"S0": {"maximum_weight": 1.0}}))
    assert found.weights == {"S0": pytest.approx(0.97)}
    assert ("hierarchical", "failed") in outcomes(found)
    assert found.attempts[-1].detail == "mean-variance alone, because the other is missing"


def test_bounds_that_cannot_hold_the_budget_leave_cash_and_say_so() -> None:
    found = proposed(account(3, 6), maximum_weight=0.2)
    assert sum(found.weights.values()) == pytest.approx(0.6)
    assert outcomes(found)[1] == ("budget", "adjusted")
    assert "bounds allow 60.00%" in found.attempts[1].detail


def test_what_must_be_kept_may_be_more_than_the_reserve_allows() -> None:
    still = {"allow_sell": False, "current_weight": 0.33, "maximum_weight": 0.33}
    found = proposed(account(3, 7, rows={f"S{n}": still for n in range(3)}))
    assert sum(found.weights.values()) == pytest.approx(0.99)
    assert "bounds keep 99.00%" in found.attempts[1].detail


@pytest.mark.parametrize("least", [0.2, 0.3])
def test_minimum_weights_leave_the_reserve_alone(least: float) -> None:
    wish = {"minimum_weight": least, "maximum_weight": 0.5, "current_weight": 0.0}
    found = proposed(account(5, 1, rows={f"S{n}": wish for n in range(5)}))
    assert sum(found.weights.values()) == pytest.approx(0.97)
    assert all(weight == pytest.approx(0.97 / 5) for weight in found.weights.values())
    assert outcomes(found)[1:3] == [("minimums", "adjusted"), ("budget", "used")]
    assert "97.00%" in found.attempts[1].detail
    assert found.facts["lower"].to_list() == pytest.approx([0.97 / 5] * 5)


def test_what_must_be_held_is_not_scaled_with_the_minimum_weights() -> None:
    wish = {"minimum_weight": 0.3, "maximum_weight": 0.5, "current_weight": 0.0}
    still = {"allow_sell": False, "current_weight": 0.4, "maximum_weight": 0.5}
    found = proposed(account(4, 1, rows={"S0": still} | {f"S{n}": wish for n in (1, 2, 3)}))
    assert found.weights["S0"] == pytest.approx(0.4)
    assert sum(found.weights.values()) == pytest.approx(0.97)
    assert found.facts["lower"].to_list() == pytest.approx([0.4, 0.19, 0.19, 0.19])


def test_minimum_weights_vanish_where_all_is_kept_anyway() -> None:
    wish = {"minimum_weight": 0.1, "current_weight": 0.0}
    still = {"allow_sell": False, "current_weight": 0.49, "maximum_weight": 0.49}
    rows = {"S0": still, "S1": still, "S2": wish}
    found = proposed(account(3, 1, rows=rows))
    assert found.weights["S2"] == pytest.approx(0.0, abs=1e-9)
    assert sum(found.weights.values()) == pytest.approx(0.98)


def test_nothing_to_invest_leaves_what_is_kept() -> None:
    found = proposed(
        account(
            4, 8, reserve_floor=100_000.0, rows={f"S{n}": {"lot_weight": None} for n in range(4)}
        )
    )
    assert sum(found.weights.values()) == 0.0
    assert found.attempts[-1].detail == "nothing is left to invest"


def test_groups_that_cannot_be_met_are_relaxed_with_their_reason() -> None:
    industries = tuple(
        GroupSettings(name=name, members=(name,), target=target)
        for name, target in (("X", 0.9), ("Y", 0.05))
    )
    case = account(9, 9)
    found = propose(
        case, settings(industry_tolerance=0.0, country_tolerance=0.0, country_cap=1.0),
        (GroupSettings(name="First", members=("A",), target=0.95),), industries, sessions_per_year=252,
    )  # fmt: skip
    failed = [a for a in found.attempts if a.outcome == "failed"]
    assert [a.level for a in failed] == ["full"]
    assert {a.detail for a in failed} == {"no weights meet all limits"}
    assert found.weights


def test_turnover_may_be_measured_from_the_weights_published_before() -> None:
    case = account(8, 10)
    wanted = proposed(case, turnover_penalty=0.0).weights
    near = replace(case, previous=dict(wanted))
    costly = {"turnover_penalty": 0.2, "blend": 0.0, "cutoff": 0.0, "gradual_limit": 1.0}
    from_previous = proposed(near, turnover_from="previous", **costly).weights
    from_current = proposed(near, turnover_from="current", **costly).weights
    current = dict(case.facts.select("symbol", "current_weight").iter_rows())

    def moved(weights: Any, start: Any) -> float:
        return sum(abs(weights[symbol] - start[symbol]) for symbol in weights)

    assert moved(from_previous, wanted) < moved(from_current, wanted)
    assert moved(from_current, current) < moved(from_previous, current)


def test_a_weight_far_above_its_greatest_comes_down_in_steps() -> None:
    rows = {f"S{n}": {"current_weight": 0.97 if n == 0 else 0.0} for n in range(8)}
    found = proposed(account(8, 1, rows=rows))
    assert 0.97 / 2 <= found.weights["S0"] <= (0.97 + 0.20) / 2 + 1e-9
    assert sum(found.weights.values()) == pytest.approx(0.97)


def test_levels_after_the_session_are_not_there_to_be_seen() -> None:
    """The facts and levels of a case end with its session; later ones change the answer, so that none may slip in."""
    case = account(6, 11)
    shorter = replace(
        case, levels=case.levels.filter(pl.col("session") < case.levels["session"].max())
    )
    assert proposed(case).weights != proposed(shorter).weights
