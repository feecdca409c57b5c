"""Statements over several years, with overlaps: the same row is the same event wherever it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.books.broker_events import BrokerEvent, CashMovement
from ballast.books.postings import postings_of, without_reversed
from ballast.books.statements import Statement, closing_quantities
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    full_year,
    funded,
    history,
    one,
)
from tests.ballast.books.statements.synthetic_book import Book, D
from tests.ballast.books.statements.synthetic_statement import StatementWriter


def sums(events: tuple[BrokerEvent, ...]) -> dict[str, Decimal]:
    frame = postings_of(events, source="broker").group_by("commodity").agg(pl.col("quantity").sum())
    return {name: amount for name, amount in frame.rows() if amount}


def cash_moved(statement: Statement) -> dict[str, Decimal]:
    moved = {each.currency: each.ending - each.starting for each in statement.cash or ()}
    return {currency: amount for currency, amount in moved.items() if amount}


def test_postings_add_up_to_closing_quantities_and_cash() -> None:
    for content in [full_year().content(), history()[0]]:
        statement = one(content)
        expected = {**(closing_quantities(statement) or {}), **cash_moved(statement)}
        assert sums(statement.events) == expected


def test_three_years_add_up_to_what_is_held_at_the_end() -> None:
    statements = [one(content) for content in history()]
    events = tuple(event for each in statements for event in each.events)
    held = sums(events)
    ending = {each.currency: each.ending for each in statements[-1].cash or ()}
    assert held == {"XYZ": D(20)} | ending


def test_importing_a_statement_twice_changes_nothing() -> None:
    events = one(full_year().content()).events
    once = postings_of(events, source="broker")
    assert postings_of((*events, *events), source="broker").equals(once)


def test_identifiers_are_unique_within_a_statement() -> None:
    events = one(full_year().content()).events
    postings = postings_of(events, source="broker")
    assert postings["external_id"].n_unique() == postings.height
    assert without_reversed(postings).height < postings.height


def test_statements_that_overlap_import_once() -> None:
    whole = funded()
    whole.trade(ABC, "10", "50", "2024-03-05, 10:00:00")
    whole.trade(ABC, "10", "50", "2024-03-05, 10:00:00")
    month = StatementWriter(Book(), date(2024, 3, 1), date(2024, 3, 31))
    month.book.cash["USD"] = D(55000)
    month.trade(ABC, "10", "50.00", "2024-03-05, 10:00:00")
    month.trade(ABC, "10", "50", "2024-03-05, 10:00:00")
    yearly, monthly = one(whole.content()), one(month.content())
    assert set(monthly.events) - {replace(event) for event in yearly.events} == set()
    assert sums((*yearly.events, *monthly.events))["ABC"] == 20


def test_a_tax_booked_again_at_the_same_amount_is_not_taken_for_the_first_one() -> None:
    first, second, _ = (one(content) for content in history())
    taxes = [
        event
        for each in (first, second)
        for event in each.events
        if isinstance(event, CashMovement) and event.kind == "withholding_tax"
    ]
    assert len({event.movement_id for event in taxes}) == 3
    assert sum(event.amount for event in taxes) == D("-3.75")


def test_a_tax_booked_again_has_the_same_identifier_in_a_longer_statement() -> None:
    tax = "ABC(US0000000001) Cash Dividend USD 0.25 per Share - US Tax"
    both = StatementWriter(Book(), date(2022, 1, 1), date(2023, 12, 31))
    later = StatementWriter(Book(), date(2023, 1, 1), date(2023, 12, 31))
    for amount in ("-3.75", "3.75", "-3.75"):
        both.money("Withholding Tax", "USD", "2022-12-15", tax, amount)
    for amount in ("3.75", "-3.75"):
        later.money("Withholding Tax", "USD", "2022-12-15", tax, amount)
    in_both, in_later = one(both.content()).events, one(later.content()).events
    assert set(in_later) < set(in_both)


def test_rows_in_another_order_are_the_same_events() -> None:
    writer = funded()
    for amount in ("1.00", "2.00", "1.00"):
        writer.money("Interest", "EUR", "2024-05-05", "Credit Interest", amount)
    turned = funded()
    for amount in ("2.00", "1.00", "1.00"):
        turned.money("Interest", "EUR", "2024-05-05", "Credit Interest", amount)
    assert Counter(one(writer.content()).events) == Counter(one(turned.content()).events)
