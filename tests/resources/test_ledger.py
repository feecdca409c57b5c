"""The ledger: append-only, idempotent, exact, and readable as of any session."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import BrokerEvent, CashMovement, Fill
from ballast.books.postings import postings_of
from ballast.calendars import end_of_session
from ballast.tables import Postings
from resources.ledger import Ledger
from resources.store import Store

DAY = date(2020, 8, 20)
# The store outlives an example of a property; each example has a source of its own.
_numbers = itertools.count()
NOON = datetime(2020, 8, 20, 12, tzinfo=UTC)


def _deposit(number: int, amount: str = "1", moment: datetime = NOON) -> CashMovement:
    return CashMovement(f"d{number}", "a", "deposit", "EUR", Decimal(amount), moment)


def _fill(number: int, moment: datetime = NOON) -> Fill:
    return Fill(
        f"f{number}", "a", "A", Decimal("3.25"), Decimal("0.3333"), "EUR", Decimal("2"), "EUR", moment
    )  # fmt: skip


def _postings(*events: BrokerEvent, source: str = "paper") -> pl.DataFrame:
    return postings_of(events, source=source)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def test_what_is_appended_is_read_back_exactly(ledger: Ledger) -> None:
    table = _postings(_deposit(1, "0.00000001"), _deposit(2, "-99999999999999.87654321"), _fill(1))
    assert ledger.append(table) == table.height == 5
    read = ledger.read(DAY)
    Postings.validate(read)
    assert read.equals(table)
    assert sum(read["quantity"], Decimal(0)) == sum(table["quantity"], Decimal(0))


def test_appending_again_adds_nothing(ledger: Ledger) -> None:
    table = _postings(_deposit(1), _fill(1))
    assert ledger.append(table) == 4
    before = ledger.read(DAY)
    assert ledger.append(table) == 0
    assert ledger.append(table.reverse()) == 0
    assert ledger.read(DAY).equals(before)


def test_a_batch_that_contains_a_duplicate_adds_it_once(ledger: Ledger) -> None:
    table = _postings(_deposit(1))
    assert ledger.append(pl.concat([table, table])) == 1
    assert ledger.read(DAY).height == 1


def test_a_batch_that_is_known_in_part_adds_the_rest(ledger: Ledger) -> None:
    ledger.append(_postings(_deposit(1)))
    assert ledger.append(_postings(_deposit(1), _deposit(2))) == 1


def test_a_posting_is_never_changed_by_a_later_version_of_it(ledger: Ledger) -> None:
    ledger.append(_postings(_deposit(1, "1")))
    assert ledger.append(_postings(_deposit(1, "2"))) == 0
    assert ledger.read(DAY)["quantity"].to_list() == [Decimal(1)]


def test_the_same_id_at_another_source_is_another_posting(ledger: Ledger) -> None:
    ledger.append(_postings(_deposit(1)))
    assert ledger.append(_postings(_deposit(1), source="other")) == 1


def test_nothing_appended_is_nothing_added(ledger: Ledger) -> None:
    assert ledger.append(_postings()) == 0
    assert ledger.read(DAY).is_empty()


def test_a_read_as_of_a_session_ends_at_midnight_after_it(ledger: Ledger) -> None:
    midnight = end_of_session(DAY)
    last = midnight - timedelta(microseconds=1)
    ledger.append(_postings(_deposit(1, moment=last), _deposit(2, moment=midnight)))
    assert ledger.read(DAY)["occurred_at"].to_list() == [last]
    assert ledger.read(DAY - timedelta(days=1)).is_empty()
    assert ledger.read(DAY + timedelta(days=1)).height == 2


def test_postings_are_read_in_the_order_of_their_moments(ledger: Ledger) -> None:
    moments = [NOON + timedelta(seconds=s) for s in (3, 1, 2)]
    for number, moment in enumerate(moments):
        ledger.append(_postings(_deposit(number, moment=moment)))
    assert ledger.read(DAY)["occurred_at"].to_list() == sorted(moments)


def test_the_newest_moment_is_that_of_the_account_and_the_source(ledger: Ledger) -> None:
    assert ledger.newest_moment("a", "paper") is None
    late = NOON + timedelta(microseconds=1)
    ledger.append(_postings(_deposit(1), _deposit(2, moment=late)))
    ledger.append(_postings(_deposit(3, moment=late + timedelta(days=1)), source="other"))
    assert ledger.newest_moment("a", "paper") == late
    assert ledger.newest_moment("b", "paper") is None


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=5))
def test_any_batches_in_any_order_add_every_posting_once(
    ledger: Ledger, batches: list[list[int]]
) -> None:
    name = f"source {next(_numbers)}"
    new = [ledger.append(_postings(*map(_deposit, batch), source=name)) for batch in batches]
    distinct = {number for batch in batches for number in batch}
    assert sum(new) == len(distinct)
    mine = ledger.read(DAY).filter(pl.col("source") == name)
    assert mine["posting_id"].n_unique() == mine.height == len(distinct)
