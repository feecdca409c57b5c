"""The asset of target weights on the demonstration: one account follows the optimiser, the other its own file."""

from __future__ import annotations

import re
from datetime import date

import dagster as dg
import polars as pl
import pytest

from assets.session_run import SessionRun
from assets.target_inputs import target_inputs, weights_before
from ballast.errors import MarketDataError
from ballast.planning.targets.facts import target_cases
from tests.demonstration import QUIET, REPOSITORY, SESSION, Demonstration, failed_checks

_TARGETS = re.search(
    r'base_currency = "USD"\n\n(\[accounts\.targets\]\n(?:"[^\n]*\n)+)',
    (REPOSITORY / "portfolio.toml").read_text(),
)
assert _TARGETS is not None
CHANGES = (
    (_TARGETS.group(1), 'targets_from = "optimiser"\n'),
    (
        "[regime]",
        '[[country_groups]]\nname = "Home"\nmembers = ["United States"]\ntarget = 0.3\n\n[regime]',
    ),
)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    found = Demonstration.create(tmp_path_factory.mktemp("targets"), *CHANGES)
    upstream = dg.AssetSelection.assets("target_weights").upstream()
    materialise(found, upstream.required_multi_asset_neighbors())
    return found


def materialise(found: Demonstration, wanted: dg.AssetSelection) -> dg.ExecuteInProcessResult:
    keys = wanted.resolve(found.definitions.resolve_asset_graph())
    with dg.DagsterInstance.ephemeral() as instance:
        result = found.definitions.resolve_job_def("daily_pipeline").execute_in_process(
            partition_key=SESSION.isoformat(), instance=instance, run_config=QUIET,
            raise_on_error=False, asset_selection=sorted(keys),
        )  # fmt: skip
    assert result.success
    return result


def own(table: pl.DataFrame, account: str = "america") -> pl.DataFrame:
    return table.filter(pl.col("account_id") == account)


def test_the_account_follows_the_proposal_and_the_other_its_file(
    demonstration: Demonstration,
) -> None:
    targets, optimised = (
        demonstration.read("target_weights"),
        demonstration.read("optimised_weights"),
    )
    both = own(targets).join(own(optimised), on=["account_id", "symbol"])
    assert both["target_weight"].equals(both["optimised_weight"], check_names=False)
    assert set(own(targets)["source"]) == {"optimiser"}
    assert own(targets)["target_weight"].sum() == pytest.approx(0.98, abs=1e-6)
    (europe,) = (a for a in demonstration.workspace.portfolio.accounts if a.id == "europe")
    followed = own(targets, "europe").select("symbol", "target_weight")
    assert dict(followed.iter_rows()) == europe.targets
    # It has a proposal beside it all the same.
    assert own(optimised, "europe")["optimised_weight"].is_not_null().any()


def test_what_is_left_out_has_a_reason(demonstration: Demonstration) -> None:
    optimised = demonstration.read("optimised_weights")
    assert optimised.filter(pl.col("optimised_weight").is_null())["reason"].is_not_null().all()
    young = own(optimised).filter(symbol="WKL.AS").row(0, named=True)
    assert young["reason"] == "no growth is known over five or ten years"


def test_limits_steps_and_frontier_are_published(demonstration: Demonstration) -> None:
    groups = demonstration.read("weight_constraints").filter(kind="country")
    assert groups["name"].to_list() == ["Home", "Home"]
    steps = own(demonstration.read("optimiser_steps"))
    assert "mean_variance" in steps["part"].to_list()
    kinds = set(own(demonstration.read("efficient_frontier"))["kind"])
    assert kinds == {"frontier", "security", "current", "proposed"}


def test_inputs_end_with_the_session(demonstration: Demonstration) -> None:
    run = SessionRun(demonstration.workspace, date(2020, 8, 20), "test")
    inputs = target_inputs(run)
    assert inputs.returns["session"].max() == SESSION
    assert max(rates["session"].max() for rates in inputs.daily_rates.values()) == SESSION
    assert inputs.previous.is_empty()


def test_without_past_exchange_rates_foreign_securities_are_left_out_and_nothing_fails(
    demonstration: Demonstration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_arguments: object) -> None:
        raise MarketDataError("no answer", where="rates", remedy="Wait.")

    monkeypatch.setattr("assets.target_inputs.fixings", unavailable)
    inputs = target_inputs(SessionRun(demonstration.workspace, SESSION, "test"))
    europe, america = target_cases(demonstration.workspace.portfolio, inputs)
    known = pl.col("level").is_not_null()
    assert europe.levels.filter(known)["symbol"].str.ends_with(".AS").all()
    assert not america.levels.filter(known)["symbol"].str.ends_with(".AS").any()


def test_a_second_run_proposes_the_same_and_the_next_session_sees_the_weights_before(
    demonstration: Demonstration,
) -> None:
    tables = ("target_weights", "optimised_weights", "efficient_frontier", "optimiser_steps")
    first = demonstration.published(SESSION, tables)
    again = materialise(demonstration, dg.AssetSelection.assets("target_weights"))
    assert "targets_are_feasible" not in failed_checks(again)
    assert demonstration.published(SESSION, tables) == first
    later = SessionRun(demonstration.workspace, date(2020, 8, 21), "test")
    assert weights_before(later).equals(demonstration.read("target_weights"))
