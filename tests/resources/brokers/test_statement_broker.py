"""A broker that only its statements speak for: what they list it reports, and what they do not is unknown."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ballast.books.postings import postings_of, without_reversed
from ballast.errors import BrokerUnavailableError
from resources.brokers.statement_broker import StatementBroker
from resources.ledger import Ledger
from resources.statements import StatementBook
from resources.store import Store
from tests.ballast.books.statements.fixture_statements import ACCOUNTS, full_year, history

END = date(2024, 12, 31)


@pytest.fixture
def book(store: Store, tmp_path: Path) -> StatementBook:
    return StatementBook(store, tmp_path / "archive", ACCOUNTS)


def asked(book: StatementBook, folder: Path, *contents: bytes) -> StatementBroker:
    """Import files in the order given and return the broker that answers from them."""
    for number, content in enumerate(contents):
        path = folder / f"{number}.csv"
        path.write_bytes(content)
        assert book.import_file(path) == "imported"
    return StatementBroker(book, lambda session: session)


def test_lots_are_those_of_the_statement(book: StatementBook, tmp_path: Path) -> None:
    broker = asked(book, tmp_path, full_year().content())
    lots = broker.lots("main", END)
    positions = {p.symbol: p for p in broker.positions("main", END)}
    assert lots
    for symbol in {lot.symbol for lot in lots}:
        own = [lot for lot in lots if lot.symbol == symbol]
        assert sum(lot.quantity for lot in own) == positions[symbol].quantity
        basis = positions[symbol].cost_basis
        assert basis is not None
        assert abs(sum(lot.cost_basis or 0 for lot in own) - basis) <= Decimal("0.01")


def test_lots_are_dated_by_the_brokers_day_and_come_oldest_first(
    book: StatementBook, tmp_path: Path
) -> None:
    lots = asked(book, tmp_path, full_year().content()).lots("main", END)
    days = [lot.acquired_on for lot in lots or () if lot.symbol == "EUX"]
    assert days == [date(2024, 4, 9), date(2024, 7, 2)]


def test_a_statement_without_lots_reports_none(book: StatementBook, tmp_path: Path) -> None:
    assert asked(book, tmp_path, *history()).lots("main", END) is None


def test_the_basis_of_a_position_is_the_one_that_the_statement_states(
    book: StatementBook, tmp_path: Path
) -> None:
    broker = asked(book, tmp_path, full_year().content())
    for position in broker.positions("main", END):
        assert position.cost_basis is not None
        assert position.average_price is not None
        again = position.average_price * position.quantity
        assert abs(again - position.cost_basis) < Decimal("0.0001")


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_the_activity_is_what_the_import_has_booked(
    book: StatementBook, tmp_path: Path, order: tuple[int, ...]
) -> None:
    years = history()
    broker = asked(book, tmp_path, *(years[number] for number in order))
    activity = postings_of(broker.activity("main", END), source=broker.name)
    booked = Ledger(book.store).read(END).filter(pl.col("account_id") == "main")
    assert_frame_equal(
        without_reversed(activity).sort("posting_id"),
        without_reversed(booked).sort("posting_id"),
        check_exact=True,
    )


def test_the_activity_up_to_an_earlier_statement_does_not_know_the_later_ones(
    book: StatementBook, tmp_path: Path
) -> None:
    broker = asked(book, tmp_path, *history())
    moments = [event.occurred_at for event in broker.activity("main", date(2023, 12, 31))
               if hasattr(event, "occurred_at")]  # fmt: skip
    assert max(moments).year == 2023


def test_days_that_no_statement_ends_on_are_unknown(book: StatementBook, tmp_path: Path) -> None:
    broker = asked(book, tmp_path, full_year().content())
    for ask in (broker.lots, broker.activity, broker.positions):
        with pytest.raises(BrokerUnavailableError):
            ask("main", END + timedelta(days=1))
