"""Every security that a statement moves is one in the books, whether the statement describes it or not."""

from __future__ import annotations

from datetime import date
from typing import Any

from resources.statement_records import instrument_rows
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    CALL,
    EUX,
    KID,
    PUT,
    XYZ,
    full_year,
    funded,
    one,
    renamed,
)
from tests.ballast.books.statements.synthetic_statement import StatementWriter, as_bytes

DESCRIPTIONS = "Financial Instrument Information"


def recorded(writer: StatementWriter, *, described: bool = True) -> dict[str, dict[str, Any]]:
    rows = [row for row in writer.rows() if described or row[0] != DESCRIPTIONS]
    found = instrument_rows(one(as_bytes(rows)), "0" * 64)
    assert len({row["symbol"] for row in found}) == len(found)
    return {row["symbol"]: row for row in found}


def test_securities_without_a_description_are_securities() -> None:
    writer = funded()
    for security in (ABC, EUX, PUT):
        writer.trade(security, "10", "5", "2024-02-01, 10:00:00")
    writer.trade(CALL, "1", "1.5", "2024-02-01, 10:00:00")
    writer.trade(CALL, "-1", "0", "2024-06-21, 16:20:00", fee="0", code="C;Ep")
    facts = {
        symbol: (row["currency"], row["kind"], row["multiplier"])
        for symbol, row in recorded(writer, described=False).items()
    }
    assert facts == {
        "ABC": ("USD", "equity", 1),
        "EUX": ("EUR", "equity", 1),
        PUT.symbol: ("USD", "option", 100),
        CALL.symbol: ("USD", "option", 100),
    }


def test_a_security_that_merges_away_is_one_too() -> None:
    before = funded(2023)
    before.trade(XYZ, "100", "50", "2023-02-01, 10:00:00")
    writer = StatementWriter(before.book, date(2024, 1, 1), date(2024, 12, 31))
    renamed(writer)
    assert recorded(writer)["XYZ"]["currency"] == "USD"


def test_a_security_that_came_and_went_by_transfer_is_one_too() -> None:
    writer = funded()
    writer.transfer(KID, "10", "2024-07-01")
    writer.transfer(KID, "-10", "2024-07-03")
    assert recorded(writer)["KID"]["currency"] == "USD"


def test_a_description_counts_more_than_none() -> None:
    described, bare = recorded(full_year()), recorded(full_year(), described=False)
    assert described.keys() == bare.keys()
    assert described["ABC"]["exchange"] is not None
    assert {row["exchange"] for row in bare.values()} == {None}
