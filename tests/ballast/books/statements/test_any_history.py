"""Whatever a year brings: the sums of its statement hold and its postings lead from start to end."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.postings import postings_of
from ballast.books.statements import closing_quantities, require_identities
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    CALL,
    EUX,
    KID,
    PUT,
    XYZ,
    funded,
    one,
)
from tests.ballast.books.statements.synthetic_flex import flex
from tests.ballast.books.statements.synthetic_statement import StatementWriter

SECURITIES = st.sampled_from([ABC, XYZ, EUX, PUT, CALL])
QUANTITIES = st.integers(-500, 500).filter(bool).map(str)
PRICES = st.integers(1, 5_000_000).map(lambda units: str(Decimal(units) / 10_000))
FEES = st.integers(-2_000_000, 50_000).map(lambda units: str(Decimal(units) / 100_000))
CENTS = st.integers(-1_000_000, 1_000_000).filter(bool).map(lambda c: str(Decimal(c) / 100))
CASH_SECTIONS = st.sampled_from(
    ["Deposits & Withdrawals", "Dividends", "Withholding Tax", "Interest", "Fees"]
)


@st.composite
def years(draw: st.DrawFn) -> StatementWriter:
    writer = funded()
    writer.with_lots = draw(st.booleans())
    day = date(2024, 1, 5)
    for _ in range(draw(st.integers(0, 12))):
        day += timedelta(days=draw(st.integers(0, 20)))
        at = f"{day}, 1{draw(st.integers(0, 5))}:30:00"
        match draw(
            st.sampled_from(
                ["trade", "trade", "trade", "cash", "exchange", "split", "in", "cancel"]
            )
        ):
            case "trade":
                writer.trade(draw(SECURITIES), draw(QUANTITIES), draw(PRICES), at, fee=draw(FEES))
            case "cancel":
                writer.cancelled(ABC, draw(QUANTITIES), draw(PRICES), at)
            case "cash":
                currency = draw(st.sampled_from(["EUR", "USD"]))
                writer.money(draw(CASH_SECTIONS), currency, str(day), "A movement", draw(CENTS))
            case "exchange":
                writer.exchange("EUR.USD", draw(QUANTITIES), "1.0875", at)
            case "split" if writer.book.quantity(ABC):
                writer.split(ABC, "2 for 1", str(writer.book.quantity(ABC)), at)
            case _:
                writer.transfer(KID, str(draw(st.integers(1, 50))), at, price=draw(PRICES))
    return writer


@settings(deadline=None, max_examples=60)
@given(years())
def test_sums_hold_and_postings_add_up(writer: StatementWriter) -> None:
    for content in (writer.content(), flex(writer)):
        statement = one(content)
        assert statement.quarantined == ()
        require_identities(statement, previous={})
        postings = postings_of(statement.events, source="broker")
        sums = postings.group_by("commodity").agg(pl.col("quantity").sum())
        found = {name: amount for name, amount in sums.rows() if amount}
        moved = {each.currency: each.ending - each.starting for each in statement.cash or ()}
        expected = moved | (closing_quantities(statement) or {})
        assert found.keys() == {name for name, amount in expected.items() if amount}
        assert all(abs(amount - expected[name]) < Decimal("1e-6") for name, amount in found.items())
