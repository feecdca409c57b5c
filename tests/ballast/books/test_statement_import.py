"""What an account begins with: nothing later than its first trade, nothing known that is not, no name twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ballast.books.broker_events import CashMovement, TransferEvent
from ballast.books.lots.book import match_postings, realised_gains
from ballast.books.postings import postings_of
from ballast.books.statement_import import (
    SOURCE,
    opening_events,
    require_distinct_names,
)
from ballast.books.statements import StatementError
from tests.ballast.books.statements.fixture_statements import ABC, funded, one
from tests.ballast.books.statements.synthetic_book import D, Security
from tests.ballast.books.statements.synthetic_statement import StatementWriter, as_bytes


def holding(units: str = "100") -> StatementWriter:
    """Return the year after one in which units were bought."""
    before = funded(2023)
    before.trade(ABC, units, "50", "2023-02-01, 10:00:00")
    return StatementWriter(before.book, date(2024, 1, 1), date(2024, 12, 31))


def transfers(writer: StatementWriter) -> dict[str, tuple[Decimal, Decimal | None]]:
    return {
        event.symbol: (event.quantity, event.cost_basis)
        for event in opening_events(one(writer.content()))
        if isinstance(event, TransferEvent)
    }


def test_units_sold_on_the_evening_before_the_first_day_come_out_of_what_was_held() -> None:
    writer = holding()
    writer.trade(ABC, "-40", "60", "2023-12-31, 20:30:00", code="C")
    statement = one(writer.content())
    events = [*statement.events, *opening_events(statement)]
    matched = match_postings(postings_of(events, source=SOURCE), {"ABC": "XNYS"}, {})
    (gain,) = realised_gains(matched.matches).iter_rows(named=True)
    assert (gain["quantity"], gain["proceeds"], gain["gain"]) == (40, Decimal("2399"), None)
    assert matched.lots.select(pl.col("quantity").sum()).item() == 60


def test_the_opening_counts_for_the_first_day_and_not_for_the_one_before() -> None:
    statement = one(holding().content())
    (day,) = {
        event.occurred_at.date()
        for event in opening_events(statement)
        if isinstance(event, TransferEvent | CashMovement)
    }
    assert day == statement.first_day


def test_a_basis_that_did_not_change_is_known() -> None:
    assert transfers(holding()) == {"ABC": (D(100), D("5001.00"))}


def test_a_basis_that_a_return_of_capital_lowered_is_unknown_before_it() -> None:
    writer = holding()
    writer.money(
        "Dividends", "USD", "2024-05-17",
        "ABC(US0000000001) Cash Dividend USD 0.10 per Share (Return of Capital)", "10.00",
    )  # fmt: skip
    assert transfers(writer) == {"ABC": (D(100), None)}


def test_what_the_books_do_not_keep_is_not_opened() -> None:
    rows = holding().rows()
    at = next(n for n, row in enumerate(rows) if row[:3] == ["Open Positions", "Data", "Summary"])
    future = list(rows[at])
    future[3], future[5], future[7], future[10], future[12] = "Futures", "ESZ4", "1", "0", "0"
    statement = one(as_bytes([*rows[: at + 1], future, *rows[at + 1 :]]))
    assert [position.symbol for position in statement.positions or ()] == ["ABC", "ESZ4"]
    opened = {e.symbol for e in opening_events(statement) if isinstance(e, TransferEvent)}
    assert opened == {"ABC"}


def test_a_security_that_is_named_like_a_currency_of_the_account_is_refused() -> None:
    fund = Security("USD", isin="US0000000009")
    statement = one(funded().trade(fund, "100", "50", "2024-02-01, 10:00:00").content())
    with pytest.raises(StatementError, match="the security USD"):
        require_distinct_names(statement)
    foreign = Security("AMD", isin="US0000000008", multiplier=D(1))
    require_distinct_names(
        one(funded().trade(foreign, "1", "50", "2024-02-01, 10:00:00").content())
    )


def test_a_symbol_that_means_another_security_in_the_portfolio_file_is_refused() -> None:
    statement = one(funded().trade(ABC, "100", "50", "2024-02-01, 10:00:00").content())
    require_distinct_names(statement, {"ABC": "USD", "XYZ": "EUR"})
    with pytest.raises(StatementError, match="ABC is in USD and in EUR"):
        require_distinct_names(statement, {"ABC": "EUR"})


def test_a_symbol_in_two_currencies_is_refused() -> None:
    writer = funded().trade(ABC, "100", "50", "2024-02-01, 10:00:00")
    writer.trade(Security("ABC", currency="EUR"), "100", "50", "2024-02-02, 10:00:00")
    with pytest.raises(StatementError, match="ABC is in"):
        require_distinct_names(one(writer.content()))
