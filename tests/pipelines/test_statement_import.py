"""Statements dropped into the inbox become books that match them, through the job and its sensor."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from ballast.configuration import parse
from pipelines.sensors import statement_inbox_sensor
from tests.ballast.books.statements.fixture_statements import history
from tests.ballast.books.statements.synthetic_book import Book, D
from tests.ballast.books.statements.synthetic_statement import StatementWriter
from tests.demonstration import REPOSITORY, Demonstration, TestWorkspace

SESSION = date(2022, 12, 30)
PORTFOLIO = """
base_currency = "EUR"
[sessions]
first = 2022-12-01
last = 2022-12-30
[market_data]
history_start = 2022-01-01
[[accounts]]
id = "main"
broker = "statements"
number = "U0000001"
[[accounts]]
id = "second"
broker = "statements"
number = "U0000002"
[[securities]]
symbol = "^GSPC"
name = "S&P 500"
exchange = "XNYS"
currency = "USD"
kind = "index"
allow_buy = false
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    folder = tmp_path_factory.mktemp("statements")
    inbox = folder / "inbox"
    inbox.mkdir()
    first, second, _ = history()
    (inbox / "2022.csv").write_bytes(first)
    (inbox / "broken.csv").write_bytes(second.replace(b"-3.75", b"-3.70", 1))
    demonstration = Demonstration(TestWorkspace(parse(PORTFOLIO, where="test"), folder))
    assert demonstration.run(SESSION).success
    return demonstration


def read(imported: Demonstration, asset: str) -> pl.DataFrame:
    return imported.read(asset, SESSION)


def test_the_registry_says_what_was_imported_and_why_the_rest_was_not(
    imported: Demonstration,
) -> None:
    files = read(imported, "statement_import").sort("file_name")
    assert files.select("file_name", "status").rows() == [
        ("2022.csv", "imported"), ("broken.csv", "refused"),
    ]  # fmt: skip
    assert (
        files["rows_read"].to_list()
        == (files["rows_imported"] + files["rows_skipped"] + files["rows_quarantined"]).to_list()
    )
    assert "does not hold" in files["detail"][1]
    assert "U0000001" not in str(files.rows())


def test_the_books_match_the_statement_to_the_cent(imported: Demonstration) -> None:
    report = read(imported, "reconciliation_report").filter(pl.col("account_id") == "main")
    compared = report.filter(pl.col("field").is_in(["quantity", "cash", "average_cost"]))
    assert compared.height >= 6
    assert set(compared["outcome"]) == {"matched"}
    assert set(compared["difference"].cast(pl.Float64).abs() <= 0.0001) == {True}


def test_a_security_that_only_the_statement_names_is_valued_at_its_close(
    imported: Demonstration,
) -> None:
    positions = read(imported, "positions_snapshot").filter(~pl.col("is_cash"))
    assert set(positions["commodity"]) == {"ABC", "XYZ"}
    assert positions["value_base"].null_count() == 0
    assert set(positions["price_session"]) == {SESSION}


def test_lots_are_open_with_the_basis_of_their_trades(imported: Demonstration) -> None:
    lots = read(imported, "tax_lots")
    assert dict(lots.select("symbol", "quantity").iter_rows()) == {"ABC": 100, "XYZ": -30}
    assert lots["cost_basis"].null_count() == 0


def test_an_account_without_a_statement_is_unavailable_and_never_flat(
    imported: Demonstration,
) -> None:
    report = read(imported, "reconciliation_report").filter(pl.col("account_id") == "second")
    assert set(report["outcome"]) == {"unavailable"}
    assert read(imported, "account_plans").filter(account_id="second")["status"].to_list() == [
        "blocked"
    ]


def test_the_report_names_the_refused_statement(imported: Demonstration) -> None:
    assert "broken.csv was refused" in read(imported, "daily_report")["report"][0]


def test_the_check_of_the_broken_sum_fails_and_names_it(imported: Demonstration) -> None:
    result = imported.run(SESSION, "import_statements")
    failed = {
        check.check_name: check.description or ""
        for check in result.get_asset_check_evaluations()
        if check.asset_key == dg.AssetKey("statement_import") and not check.passed
    }
    assert "no_statement_is_refused" in failed
    assert any("do not hold" in text for text in failed.values())


def test_importing_again_changes_no_row(imported: Demonstration) -> None:
    before = imported.stored_rows()
    assert imported.run(SESSION, "import_statements").success
    assert imported.stored_rows()["postings"] == before["postings"]


def test_an_earlier_session_does_not_see_a_later_statement(imported: Demonstration) -> None:
    before = date(2022, 12, 1)
    # No account is available, so that the blocking check ends the run.
    assert not imported.run(before, "import_statements").success
    report = imported.read("reconciliation_report", before).filter(pl.col("account_id") == "main")
    assert set(report["outcome"]) == {"unavailable"}
    held = imported.read("positions_snapshot", before)
    assert held.filter(~pl.col("is_cash"))["price"].null_count() == 2


def test_the_sensor_asks_once_per_state_of_the_inbox(imported: Demonstration) -> None:
    def ask() -> dg.RunRequest | dg.SkipReason:
        context = dg.build_sensor_context(
            resources={"workspace": imported.resource},
            repository_def=imported.definitions.get_repository_def(),
        )
        answer = statement_inbox_sensor(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    first, again = ask(), ask()
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.partition_key == SESSION.isoformat()
    assert first.run_key == again.run_key
    dropped = imported.workspace.inbox / "new.csv"
    dropped.write_text("x")
    changed = ask()
    dropped.unlink()
    assert isinstance(changed, dg.RunRequest)
    assert changed.run_key != first.run_key


def test_an_empty_inbox_is_skipped_with_the_reason(tmp_path: Path) -> None:
    demonstration = Demonstration(TestWorkspace(parse(PORTFOLIO, where="test"), tmp_path))
    context = dg.build_sensor_context(
        resources={"workspace": demonstration.resource},
        repository_def=demonstration.definitions.get_repository_def(),
    )
    answer = statement_inbox_sensor(context)
    assert isinstance(answer, dg.SkipReason)
    assert "inbox" in str(answer.skip_message)


def test_the_example_matches_its_statements_in_every_figure(tmp_path: Path) -> None:
    example = REPOSITORY / "examples" / "statements"
    shutil.copytree(example / "inbox", tmp_path / "inbox")
    portfolio = parse((example / "portfolio.toml").read_text(), where="example")
    demonstration = Demonstration(TestWorkspace(portfolio, tmp_path))
    assert demonstration.run().success
    assert set(demonstration.read("statement_import")["status"]) == {"imported"}
    assert set(demonstration.read("reconciliation_report")["outcome"]) == {"matched"}
    gains = demonstration.read("realised_gains")
    assert gains["gain"].null_count() == 0
    assert set(gains["term"]) == {"short", "long"}
    assert gains["is_short_sale"].any()


def test_cash_in_a_currency_without_a_rate_is_booked_and_its_value_unknown(tmp_path: Path) -> None:
    writer = StatementWriter(Book(), date(2022, 1, 1), date(2022, 12, 31), rates={"TWD": D("0.03")})
    writer.money("Deposits & Withdrawals", "TWD", "2022-03-01", "Electronic Fund Transfer", "5000")
    writer.money("Deposits & Withdrawals", "EUR", "2022-03-01", "Electronic Fund Transfer", "100")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "2022.csv").write_bytes(writer.content())
    demonstration = Demonstration(TestWorkspace(parse(PORTFOLIO, where="test"), tmp_path))
    demonstration.run(SESSION)
    held = demonstration.read("positions_snapshot", SESSION)
    values = {row["commodity"]: row["value_base"] for row in held.iter_rows(named=True)}
    assert values == {"EUR": D(100), "TWD": None}
    assert held["weight"].null_count() == held.height
    measured = demonstration.read("portfolio_performance", SESSION).filter(level="total")
    assert measured["total_return"].to_list() == [None]
    reasons = demonstration.read("portfolio_values", SESSION)["unknown_reason"].drop_nulls()
    assert reasons.str.contains("TWD").all()
    assert reasons.len() > 0
