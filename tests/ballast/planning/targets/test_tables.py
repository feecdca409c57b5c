"""Proposals as tables, and which weights an account follows when there is no proposal."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ballast.configuration import Portfolio, parse
from ballast.planning.targets import tables
from ballast.planning.targets.changes import infeasible_targets, top_changes
from ballast.planning.targets.proposal import Proposal, propose
from ballast.settings import GroupSettings
from ballast.tables import Positions, Securities, TargetWeights
from tests.ballast.builders import D, table
from tests.ballast.planning.targets.cases import account, settings

OPTIMISED = 'targets_from = "optimiser"'
CONFIGURED = "targets = { S0 = 0.6, S1 = 0.3 }"


def portfolio(account_settings: str = OPTIMISED) -> Portfolio:
    listed = "".join(
        f'[[securities]]\nsymbol = "S{n}"\nname = "S{n}"\nexchange = "XAMS"\ncurrency = "EUR"\n'
        for n in range(8)
    )
    index = '[[securities]]\nsymbol = "^GSPC"\nname = "Index"\nexchange = "XNYS"\ncurrency = "USD"\nkind = "index"\n'
    return parse(f'[[accounts]]\nid = "main"\n{account_settings}\n{index}{listed}', where="x")


def proposal(
    *groups: GroupSettings, account_settings: dict[str, Any] | None = None, **more: Any
) -> Proposal:
    return propose(
        account(8, 0, **more),
        settings(**(account_settings or {})),
        groups,
        (),
        sessions_per_year=252,
    )


def weights(*rows: tuple[str, float], source: str | None = "optimiser") -> pl.DataFrame:
    named = [
        {"account_id": "main", "symbol": symbol, "target_weight": weight, "source": source}
        for symbol, weight in rows
    ]
    return table(TargetWeights, named)


NOTHING = weights()
NO_POSITIONS = table(Positions, [])


def positions(**held: float) -> pl.DataFrame:
    """Shares of an account; the rest of it is cash."""
    shares = held | {"EUR": 1.0 - sum(held.values())}
    return table(
        Positions,
        [
            {"commodity": name, "is_cash": name == "EUR", "weight": share, "value_base": D(round(1000 * share))}
            for name, share in shares.items()
        ],
        account_id="main", quantity=D(1), currency="EUR", base_currency="EUR", is_price_stale=False,
    )  # fmt: skip


HELD = positions(S1=0.7)


def followed(
    found: Proposal | None, held: pl.DataFrame, previous: pl.DataFrame
) -> dict[str, tuple[float, str]]:
    """Return weight and source of every row."""
    made = tables.followed_weights(portfolio(), [found] if found else [], held, previous)
    TargetWeights.validate(made)
    rows = made.select("symbol", "target_weight", "source").iter_rows()
    return {symbol: (weight, source) for symbol, weight, source in rows}


FAILED = proposal(account_value=None)


def test_an_account_of_the_optimiser_follows_its_proposal() -> None:
    found = proposal()
    made = followed(found, HELD, weights(("S1", 0.4)))
    wanted = {name: weight for name, weight in found.weights.items() if weight or name == "S1"}
    assert {name: weight for name, (weight, _) in made.items()} == pytest.approx(wanted, abs=1e-9)
    assert {source for _, source in made.values()} == {"optimiser"}


def test_what_a_proposal_does_not_know_keeps_its_weight() -> None:
    made = followed(proposal(), positions(S1=0.5, GIFT=0.2), NOTHING)
    assert made["GIFT"] == (0.2, "held")


def test_without_a_proposal_it_follows_the_proposal_published_before() -> None:
    for source in ("optimiser", "previous"):
        before = weights(("S1", 0.4), source=source)
        assert followed(FAILED, HELD, before) == {"S1": (0.4, "previous")}


def test_what_arrived_since_then_keeps_its_weight() -> None:
    made = followed(FAILED, positions(S1=0.4, S2=0.2), weights(("S1", 0.5)))
    assert made == {"S1": (0.5, "previous"), "S2": (0.2, "held")}


def test_a_proposal_of_before_that_does_not_fit_beside_what_arrived_is_not_followed() -> None:
    made = followed(FAILED, positions(S1=0.4, S2=0.55), weights(("S1", 0.5)))
    assert made == {"S1": (0.4, "held"), "S2": (0.55, "held")}


@pytest.mark.parametrize("source", ["held", "configured", None])
def test_weights_that_were_no_proposal_are_not_followed_later(source: str | None) -> None:
    before = weights(("S1", 0.4), ("S0", 0.1), source=source)
    assert followed(FAILED, HELD, before) == {"S1": (0.7, "held")}


def test_what_was_held_beside_a_proposal_of_before_is_no_part_of_it() -> None:
    before = pl.concat([weights(("S0", 0.1)), weights(("S1", 0.4), source="held")])
    made = followed(FAILED, HELD, before)
    assert made == {"S0": (0.1, "previous"), "S1": (0.7, "held")}


def test_without_those_it_keeps_what_it_holds() -> None:
    assert followed(FAILED, HELD, NOTHING) == {"S1": (0.7, "held")}
    assert followed(None, HELD, NOTHING) == {"S1": (0.7, "held")}


@pytest.mark.parametrize("days", [1, 2, 3])
def test_without_a_proposal_nothing_is_ever_traded(days: int) -> None:
    before = NOTHING
    for day in range(days):
        held = positions(S1=0.4 + day / 10, **({"S2": 0.2} if day else {}))
        made = tables.followed_weights(portfolio(), [FAILED], held, before)
        wanted = dict(made.select("symbol", "target_weight").iter_rows())
        shares = dict(held.filter(~pl.col("is_cash")).select("commodity", "weight").iter_rows())
        assert wanted == pytest.approx(shares)
        before = made


def test_cash_alone_without_a_proposal_says_that_nothing_is_wanted() -> None:
    made = followed(FAILED, positions(), NOTHING)
    assert made == {f"S{n}": (0.0, "held") for n in range(8)}
    assert followed(None, positions(), NOTHING) == {}


def test_a_proposal_to_hold_cash_alone_is_listed_too() -> None:
    rows = {f"S{n}": {"lot_weight": None, "current_weight": 0.0} for n in range(8)}
    found = proposal(reserve_floor=100_000.0, rows=rows)
    assert followed(found, positions(), NOTHING) == {f"S{n}": (0.0, "optimiser") for n in range(8)}


def test_where_positions_are_not_known_nothing_is_said_of_them() -> None:
    assert followed(FAILED, NO_POSITIONS, NOTHING) == {}


def test_a_configured_account_keeps_its_weights_whatever_is_proposed() -> None:
    found = proposal()
    made = tables.followed_weights(portfolio(CONFIGURED), [found], HELD, NOTHING)
    assert made.select("symbol", "target_weight", "source").rows() == [
        ("S0", 0.6, "configured"), ("S1", 0.3, "configured"),
    ]  # fmt: skip
    expected = found.facts.filter(symbol="S0")["expected_return"].item()
    assert made["expected_return"][0] == expected
    unproposed = tables.followed_weights(portfolio(CONFIGURED), [], NO_POSITIONS, NOTHING)
    assert unproposed["expected_return"].to_list() == [None, None]


def test_every_security_is_listed_with_its_proposed_weight_or_the_reason() -> None:
    rows = {
        "S2": {"expected_return": None, "return_reason": "no growth", "current_weight": 0.0},
        "S3": {"is_blocked": True},
    }
    made = tables.optimised_weights([proposal(rows=rows)], portfolio(CONFIGURED))
    by_symbol = {row["symbol"]: row for row in made.iter_rows(named=True)}
    assert sorted(by_symbol) == [f"S{n}" for n in range(8)]
    assert by_symbol["S0"]["configured_weight"] == 0.6
    assert by_symbol["S2"]["optimised_weight"] is None
    assert by_symbol["S2"]["reason"] == "no growth"
    assert by_symbol["S3"]["optimised_weight"] == pytest.approx(by_symbol["S3"]["current_weight"])
    assert by_symbol["S3"]["reason"] == "keeps its weight: no fresh price"
    assert by_symbol["S1"]["mean_variance_weight"] is not None
    assert by_symbol["S1"]["hierarchical_weight"] is not None


def test_where_there_is_no_proposal_every_security_says_why() -> None:
    made = tables.optimised_weights([proposal(account_value=None)], portfolio())
    assert made["optimised_weight"].to_list() == [None] * 8
    assert set(made["reason"]) == {"the value of the account is unknown"}


def test_constraints_name_what_binds_and_groups_their_sums() -> None:
    group = GroupSettings(name="First", members=("A",), target=0.3)
    rows = {"S2": {"allow_buy": False, "allow_sell": False}}
    found = proposal(group, rows=rows, account_settings={"gradual_limit": 1.0})
    made = tables.weight_constraints([found])
    by_name = {row["name"]: row for row in made.iter_rows(named=True)}
    assert by_name["S2"]["effect"] == "locked"
    assert by_name["First"]["kind"] == "country"
    assert by_name["First"]["lower"] - 1e-9 <= by_name["First"]["weight"]
    assert by_name["First"]["weight"] <= by_name["First"]["upper"] + 1e-9
    members = [f"S{n}" for n in range(0, 8, 2)]
    assert by_name["First"]["weight"] == pytest.approx(sum(found.weights[name] for name in members))


def test_the_frontier_shows_securities_and_portfolios_per_unit_invested() -> None:
    made = tables.efficient_frontier([proposal()], portfolio(CONFIGURED))
    assert made.group_by("kind").len().sort("kind").rows() == [
        ("configured", 1), ("current", 1), ("frontier", 15), ("proposed", 1), ("security", 8),
    ]  # fmt: skip
    proposed = made.filter(kind="proposed").row(0, named=True)
    least = made.filter(kind="frontier")["volatility"].min()
    assert proposed["volatility"] >= least  # type: ignore[operator]


def test_without_proposals_all_tables_are_empty() -> None:
    for made in (
        tables.optimised_weights([], portfolio()), tables.weight_constraints([]),
        tables.efficient_frontier([], portfolio()), tables.optimiser_steps([]), tables.correlated_pairs([]),
    ):  # fmt: skip
        assert made.is_empty()


def test_the_steps_are_told_in_their_order() -> None:
    made = tables.optimiser_steps([proposal()])
    assert made["step"].to_list() == list(range(1, made.height + 1))
    assert made["part"].to_list()[:5] == [
        "history", "budget", "mean_variance", "hierarchical", "blend",
    ]  # fmt: skip


def test_the_largest_changes_come_first_with_their_value() -> None:
    optimised = tables.optimised_weights([proposal()], portfolio())
    held = table(
        Positions, [{"commodity": "EUR", "is_cash": True, "value_base": D(100_000)}], account_id="main",
        quantity=D(1), currency="EUR", base_currency="EUR", is_price_stale=False,
    )  # fmt: skip
    made = top_changes(optimised, held, count=3)
    sizes = made["weight_change"].abs().to_list()
    assert made.height == 3
    assert sizes == sorted(sizes, reverse=True)
    assert made["value_base"].to_list() == [round(size * 100_000) for size in sizes]
    assert set(made.filter(pl.col("weight_change") < 0)["direction"]) <= {"sell"}


def findings(
    found: Proposal, account_settings: str = OPTIMISED, held: pl.DataFrame = HELD, **allowed: bool
) -> list[tuple[str, str]]:
    configured = portfolio(account_settings)
    made = tables.followed_weights(configured, [found], held, NOTHING)
    listed = table(
        Securities, [{"symbol": f"S{n}", "allow_buy": True, "allow_sell": True} | allowed for n in range(8)],
        name="x", exchange="XAMS", currency="EUR", kind="equity", lot_size=D(1), multiplier=D(1),
    )  # fmt: skip
    follow = ["main"] if account_settings == OPTIMISED else []
    steps, constraints = tables.optimiser_steps([found]), tables.weight_constraints([found])
    return (
        infeasible_targets(follow, made, steps, constraints, listed).select("what", "detail").rows()
    )


def test_a_proposal_that_came_out_as_asked_for_has_no_findings() -> None:
    assert findings(proposal(account_settings={"target_return": 0.05})) == []


def test_an_infeasible_target_return_and_group_are_found() -> None:
    lowered = findings(proposal(account_settings={"target_return": 0.29}))
    assert [what for what, _ in lowered] == ["mean_variance none efficient_return"]
    assert "lowered to" in lowered[0][1]
    group = GroupSettings(name="First", members=("A",), target=0.6)
    (found,) = findings(proposal(group, account_settings={"target_return": 0.05}))
    assert found == ("country group First", "target 60.0% cannot be reached")


def test_weights_that_stand_in_for_a_proposal_are_found() -> None:
    assert "held" in [what for what, _ in findings(proposal(account_value=None))]


def test_what_a_proposal_does_not_know_is_found() -> None:
    found = proposal(account_settings={"target_return": 0.05})
    told = findings(found, held=positions(S1=0.5, GIFT=0.2))
    assert told == [("held", "the proposal does not know all that is held; the rest of it stays")]


def test_configured_targets_of_what_may_not_be_traded_are_found() -> None:
    low = proposal(rows={"S0": {"current_weight": 0.1}, "S1": {"current_weight": 0.5}})
    assert findings(low, CONFIGURED) == []
    assert findings(low, CONFIGURED, allow_buy=False) == [("target of S0", "it may not be bought")]
    assert findings(low, CONFIGURED, allow_sell=False) == [("target of S1", "it may not be sold")]
