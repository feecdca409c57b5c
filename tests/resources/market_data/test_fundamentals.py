"""The file of fundamental figures: what is read of it, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ballast.errors import MarketDataError
from ballast.tables import Fundamentals, polars_schema
from resources.market_data.fundamentals import FundamentalsFile, NoFundamentals
from resources.market_data.yahoo_fundamentals import YahooFundamentals
from tests.ballast.builders import D
from tests.demonstration import Demonstration

SESSION = date(2020, 8, 20)
NOTHING = Fundamentals.create_empty()
HEADER = "symbol,known_on,metric,value\n"
GOOD = "AAPL,2020-07-31,trailing_pe,32.5\n"


def source(folder: Path, text: str) -> FundamentalsFile:
    path = folder / "fundamentals.csv"
    path.write_text(text, encoding="utf-8")
    return FundamentalsFile(path)


def test_rows_of_the_securities_asked_for_come_sorted(tmp_path: Path) -> None:
    text = HEADER + GOOD + "MSFT,2020-07-31,trailing_pe,30\nAAPL,2020-07-30,profit_margin,-0.2\n"
    found = source(tmp_path, text).fundamentals(["AAPL"], SESSION, NOTHING)
    assert found.schema == polars_schema(Fundamentals)
    assert found.rows() == [
        ("AAPL", "profit_margin", date(2020, 7, 30), D("-0.2")),
        ("AAPL", "trailing_pe", date(2020, 7, 31), D("32.5")),
    ]


def test_what_becomes_known_after_the_session_is_not_told(tmp_path: Path) -> None:
    text = HEADER + GOOD + "AAPL,2020-08-21,trailing_pe,35\n"
    assert source(tmp_path, text).fundamentals(["AAPL"], SESSION, NOTHING)["value"].to_list() == [
        32.5
    ]


def test_columns_may_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    text = "value,note,metric,symbol,known_on\n32.5,mine,trailing_pe, AAPL ,2020-07-31\n"
    assert source(tmp_path, text).fundamentals(["AAPL"], SESSION, NOTHING)["value"].to_list() == [
        32.5
    ]


def test_a_file_of_a_header_alone_knows_nothing(tmp_path: Path) -> None:
    assert source(tmp_path, HEADER).fundamentals(["AAPL"], SESSION, NOTHING).is_empty()


def test_rows_that_were_added_count_at_once(tmp_path: Path) -> None:
    file = source(tmp_path, HEADER + GOOD)
    assert file.fundamentals(["AAPL"], SESSION, NOTHING).height == 1
    source(tmp_path, HEADER + GOOD + "AAPL,2020-07-31,forward_pe,25\n")
    assert file.fundamentals(["AAPL"], SESSION, NOTHING).height == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",2020-07-31,trailing_pe,32.5", "symbol is empty"),
        ("AAPL,31.07.2020,trailing_pe,32.5", "known_on is no day"),
        ("AAPL,2020-02-30,trailing_pe,32.5", "known_on is no day"),
        ("AAPL,,trailing_pe,32.5", "known_on is no day"),
        ("AAPL,2020-07-31,price_to_hope,32.5", "metric is none of trailing_pe"),
        ("AAPL,2020-07-31,,32.5", "metric is none of trailing_pe"),
        ("AAPL,2020-07-31,forward_pe,high", "value is no number"),
        ("AAPL,2020-07-31,forward_pe,", "value is no number"),
        ("AAPL,2020-07-31,forward_pe,nan", "value is no number"),
        ("AAPL,2020-07-31,forward_pe,inf", "value is no number"),
        ("AAPL,2020-07-31,recommendation,0.9", "value is impossible"),
        ("AAPL,2020-07-31,recommendation,5.1", "value is impossible"),
        ("AAPL,2020-07-31,target_price,0", "value is impossible"),
        ("AAPL,2020-07-31,current_ratio,-1", "value is impossible"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, problem: str) -> None:
    file = source(tmp_path, HEADER + GOOD + row + "\n")
    with pytest.raises(MarketDataError, match=f"line 3: {problem}") as refused:
        # Also where nobody asks for the security of the row.
        file.fundamentals(["MSFT"], SESSION, NOTHING)
    assert "fundamentals.csv" in refused.value.where
    assert "symbol, known_on, metric, value" in refused.value.remedy


def test_a_figure_that_is_there_twice_is_refused_even_if_equal(tmp_path: Path) -> None:
    file = source(tmp_path, HEADER + GOOD + GOOD)
    with pytest.raises(MarketDataError, match=r"line 2: .* are there twice \(1 more\)"):
        file.fundamentals(["AAPL"], SESSION, NOTHING)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("symbol,known_on,metric\nAAPL,2020-07-31,trailing_pe\n", "lacks the columns value"),
        ("", "cannot be read"),
        (HEADER + "AAPL,2020-07-31,trailing_pe,32.5,and,more\n", "cannot be read"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(MarketDataError, match=problem):
        source(tmp_path, text).fundamentals(["AAPL"], SESSION, NOTHING)


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="cannot be read"):
        FundamentalsFile(tmp_path / "none.csv").fundamentals(["AAPL"], SESSION, NOTHING)


def test_without_a_source_nothing_is_known() -> None:
    found = NoFundamentals().fundamentals(["AAPL"], SESSION, NOTHING)
    assert found.is_empty()
    assert found.schema == polars_schema(Fundamentals)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("none", NoFundamentals), ("yahoo", YahooFundamentals), ("figures.csv", FundamentalsFile)],
)
def test_the_portfolio_file_names_the_source(tmp_path: Path, setting: str, kind: type) -> None:
    section = f'[market_data]\nfundamentals = "{setting}"'
    workspace = Demonstration.create(tmp_path, ("[market_data]", section)).workspace
    assert isinstance(workspace.fundamentals, kind)


def test_the_file_lies_beside_the_portfolio_file(tmp_path: Path) -> None:
    section = '[market_data]\nfundamentals = "figures.csv"'
    workspace = Demonstration.create(tmp_path, ("[market_data]", section)).workspace
    assert workspace.fundamentals == FundamentalsFile(tmp_path / "figures.csv")
