"""Lots, performance and risk of the demonstration, against the other tables of the same session."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipelines import command_line
from resources.export import export_taxes
from tests.demonstration import SESSION, Demonstration

KEY = SESSION.isoformat()


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    made = Demonstration.create(tmp_path_factory.mktemp("performance"))
    assert made.run().success
    return made


def test_the_last_value_is_that_of_the_positions(demonstration: Demonstration) -> None:
    positions = demonstration.read("positions_snapshot").filter(account_id="europe")
    values = demonstration.read("portfolio_values").filter(level="account", subject="europe")
    last = values.filter(pl.col("session") == SESSION)["value_base"].item()
    assert abs(last - positions["value_base"].sum()) <= Decimal("0.000001")


def test_the_cost_of_a_position_is_the_sum_of_its_lots(demonstration: Demonstration) -> None:
    lots = demonstration.read("tax_lots").group_by("account_id", commodity="symbol")
    by_lots = lots.agg(pl.col("cost_basis", "quantity").sum()).sort("account_id", "commodity")
    positions = demonstration.read("positions_snapshot").filter(~pl.col("is_cash"))
    names = ["account_id", "commodity", "cost_basis", "quantity"]
    assert by_lots.select(names).rows() == positions.select(names).sort(names[:2]).rows()


def test_a_deposit_is_no_performance(demonstration: Demonstration) -> None:
    values = demonstration.read("portfolio_values").filter(level="account", subject="europe")
    deposits = values.filter(pl.col("flow_base") > 50_000)["session"]
    returns = demonstration.read("portfolio_returns").filter(level="account", subject="europe")
    on_deposits = returns.filter(pl.col("session").is_in(deposits.implode()))["daily_return"]
    assert deposits.len() >= 1
    assert on_deposits.abs().max() < 0.05  # type: ignore[operator]


def test_parts_of_the_return_add_up_in_every_dimension(demonstration: Demonstration) -> None:
    total = demonstration.read("portfolio_performance").filter(level="total")["total_return"].item()
    parts = demonstration.read("portfolio_attribution").filter(level="total")
    sums = parts.group_by("dimension").agg(pl.col("contribution").sum())
    assert set(sums["dimension"]) >= {"security", "country", "industry", "currency"}
    assert sums["contribution"].to_list() == pytest.approx([total] * sums.height, abs=1e-9)


def test_risk_of_every_position_is_measured_against_the_benchmark(
    demonstration: Demonstration,
) -> None:
    risk = demonstration.read("risk_metrics")
    assert risk.filter(subject="^GSPC")["beta"].item() == pytest.approx(1.0)
    assert risk.filter(subject="SPY")["beta"].item() == pytest.approx(0.97, abs=0.02)
    assert {"total", "europe", "america"} <= set(risk["subject"])
    together = demonstration.read("correlations")
    assert together.filter(pl.col("one") == pl.col("other"))["correlation"].to_list() == (
        pytest.approx([1.0] * together["one"].n_unique())
    )


def test_a_tax_adviser_gets_exact_amounts_in_two_formats(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    written = export_taxes(demonstration.workspace.lake, KEY, tmp_path / "taxes", 2020)
    assert sorted(path.suffix for path in written) == [".csv"] * 3 + [".parquet"] * 3
    gains = demonstration.read("realised_gains").filter(tax_year=2020)
    read = pl.read_parquet(tmp_path / "taxes" / "realised-gains-2020.parquet")
    assert read.equals(gains)
    csv = pl.read_csv(tmp_path / "taxes" / "realised-gains-2020.csv", infer_schema=False)
    assert csv["gain"].cast(pl.Decimal(38, 8)).to_list() == gains["gain"].to_list()


def test_export_from_the_terminal_names_the_files(
    demonstration: Demonstration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command_line, "open_workspace", lambda _: demonstration.workspace)
    assert command_line.main(["export", str(tmp_path / "out")]) == 0
    names = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert f"open-lots-{KEY}.csv" in names
    assert "realised-gains-all.parquet" in names


def test_a_lot_that_the_owner_names_is_used_instead_of_the_oldest(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    lots, gains = demonstration.read("tax_lots"), demonstration.read("realised_gains")
    both = gains.join(lots, on=["account_id", "symbol"], suffix="_open")
    sale, chosen = both.select("closing_id", "lot_id_open").row(0)
    choice = f'[[lot_choices]]\nsale = "{sale}"\nlot = "{chosen}"\n[paper]'
    asked = Demonstration.create(tmp_path, ("[paper]", choice))
    assert asked.run(job="daily_pipeline").success
    used = asked.read("realised_gains").filter(closing_id=sale)
    assert used["lot_id"].to_list()[0] == chosen


WASH_SALE = """date,account_id,action,symbol,quantity
2020-02-03,america,deposit,USD,50000
2020-02-14,america,buy,SPY,20
2020-03-16,america,sell,SPY,20
2020-03-23,america,buy,SPY,20
"""


def test_the_loss_of_a_wash_sale_is_deferred_only_when_asked_for(tmp_path: Path) -> None:
    found = {}
    for asked in ("false", "true"):
        folder = tmp_path / asked
        folder.mkdir()
        (folder / "opening.csv").write_text(WASH_SALE)
        demonstration = Demonstration.create(
            folder,
            ('opening = "demonstration"', 'opening = "opening.csv"'),
            ("[paper]", f"[taxes]\nwash_sales = {asked}\n[paper]"),
        )
        assert demonstration.run().success
        found[asked] = demonstration
    plain, deferred = found["false"].read("realised_gains"), found["true"].read("realised_gains")
    loss = -plain["gain"].sum()
    assert loss > 0
    assert plain["disallowed_loss"].sum() == 0
    assert deferred["disallowed_loss"].sum() == loss
    before, after = (each.read("tax_lots")["cost_basis"].sum() for each in found.values())
    assert after - before == loss
