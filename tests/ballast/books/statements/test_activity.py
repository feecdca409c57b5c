"""An activity statement becomes events, and every row of it is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from ballast.books.broker_events import (
    BrokerEvent,
    Cancellation,
    CashMovement,
    ConversionEvent,
    ExchangeFill,
    Fill,
    SplitEvent,
    TransferEvent,
)
from ballast.books.statements import Statement, parse_activity_statement, read_statements
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    ACCOUNTS,
    consolidated,
    full_year,
    funded,
    one,
)
from tests.ballast.books.statements.synthetic_book import D
from tests.ballast.books.statements.synthetic_statement import as_bytes


@pytest.fixture(scope="module")
def statement() -> Statement:
    return one(full_year().content())


def of_kind(events: Sequence[BrokerEvent], *kinds: type) -> list[BrokerEvent]:
    return [event for event in events if isinstance(event, kinds)]


def test_the_head_names_account_currency_and_period(statement: Statement) -> None:
    assert (statement.broker_account, statement.account_id) == ("U0000001", "main")
    assert (statement.first_day, statement.last_day) == (date(2024, 1, 1), date(2024, 12, 31))
    assert statement.base_currency == "EUR"
    assert statement.generated_at == datetime(2025, 1, 1, 1, 15, 30, tzinfo=UTC)


def test_every_row_is_in_exactly_one_place(statement: Statement) -> None:
    rows = full_year().rows()
    assert statement.counts.read == len(rows)
    assert statement.counts.adds_up
    assert statement.quarantined == ()


def test_sections_that_are_not_read_are_counted_by_name(statement: Statement) -> None:
    assert dict(statement.counts.ignored)["Nouvelle section"] == 2
    assert [each.subject for each in statement.warnings] == ["Nouvelle section"]


def test_a_trade_keeps_the_proceeds_of_the_statement(statement: Statement) -> None:
    first = next(event for event in statement.events if isinstance(event, Fill))
    assert first == Fill(
        first.fill_id, "main", "ABC", D(100), D(50), "USD", D(1), "USD",
        datetime(2024, 1, 4, 15, 0, tzinfo=UTC), proceeds=D(-5000),
    )  # fmt: skip


def test_times_are_new_york_in_summer_and_in_winter() -> None:
    writer = funded().trade(ABC, "1", "10", "2024-01-15, 09:30:00")
    writer.trade(ABC, "1", "10", "2024-07-15, 09:30:00")
    fills = of_kind(one(writer.content()).events, Fill)
    assert [fill.filled_at.hour for fill in fills if isinstance(fill, Fill)] == [14, 13]


def test_an_order_and_its_executions_count_once(statement: Statement) -> None:
    bought = [e for e in statement.events if isinstance(e, Fill) and e.price == 50]
    assert len(bought) == 1
    assert dict(statement.counts.skipped)["execution of an order that is counted"] == 1


def test_executions_count_where_the_statement_lists_no_orders() -> None:
    rows = funded().trade(ABC, "1", "10", "2024-01-15, 09:30:00").rows()
    as_executions = [["Trade" if cell == "Order" else cell for cell in row] for row in rows]
    assert len(of_kind(one(as_bytes(as_executions)).events, Fill)) == 1


def test_an_exchange_has_two_legs_and_its_fee_in_base_currency(statement: Statement) -> None:
    (event,) = of_kind(statement.events, ExchangeFill)
    assert isinstance(event, ExchangeFill)
    assert (event.from_currency, event.from_amount) == ("EUR", D(50000))
    assert (event.to_currency, event.to_amount) == ("USD", D(55000))
    assert (event.fee, event.fee_currency) == (D("1.80"), "EUR")


def test_cash_movements_have_their_kind_and_security(statement: Statement) -> None:
    found = [
        (event.kind, event.symbol, event.amount)
        for event in statement.events
        if isinstance(event, CashMovement)
    ]
    assert sorted(found, key=str) == sorted(
        [
            ("deposit", None, D(100000)), ("withdrawal", None, D(-5000)), ("fee", None, D("-10.00")),
            ("interest", None, D("12.34")), ("interest", None, D("-2.10")),
            ("dividend", "ABC", D("7.50")), ("payment_in_lieu", "ABC", D("1.25")),
            ("return_of_capital", "ABC", D("3.00")), ("withholding_tax", "ABC", D("-1.13")),
            ("withholding_tax", "ABC", D("1.13")), ("withholding_tax", "ABC", D("-1.00")),
        ],
        key=str,
    )  # fmt: skip


def test_options_end_by_assignment_and_expiry(statement: Statement) -> None:
    ended = [e for e in statement.events if isinstance(e, Fill) and e.kind != "trade"]
    assert [(e.symbol, e.kind, e.proceeds) for e in ended] == [
        ("ABC", "assignment", D(-4000)),
        ("ABC 21JUN24 40 P", "assignment", D(0)),
        ("XYZ 21JUN24 90 C", "expiry", D(0)),
        ("XYZ", "cash_in_lieu", D(290)),
    ]


def test_the_premium_of_an_option_is_its_price_times_the_multiplier(statement: Statement) -> None:
    sold = next(e for e in statement.events if isinstance(e, Fill) and e.symbol.endswith("40 P"))
    assert (sold.quantity, sold.price, sold.proceeds) == (D(-1), D("2.5"), D(250))


def test_a_cancelled_trade_is_cancelled(statement: Statement) -> None:
    (event,) = of_kind(statement.events, Cancellation)
    assert isinstance(event, Cancellation)
    assert event.cancels in statement.events


def test_a_cancellation_without_its_trade_books_the_mirror_image_and_says_so() -> None:
    rows = full_year().rows()
    rows = [row for row in rows if row[7:9] != ["10", "61"]]
    statement = one(as_bytes(rows))
    assert of_kind(statement.events, Cancellation) == []
    assert "cancelled_trade_not_in_statement" in [each.rule for each in statement.warnings]


def test_splits_add_units_and_a_reverse_split_is_one_event(statement: Statement) -> None:
    splits = [(e.symbol, e.quantity) for e in statement.events if isinstance(e, SplitEvent)]
    assert splits == [("ABC", D(130)), ("XYZ", D("-17.5"))]


def test_spin_off_and_merger_say_what_happens_to_the_basis(statement: Statement) -> None:
    found = [
        (e.kind, e.from_symbol, e.from_quantity, e.to_symbol, e.to_quantity, e.basis_share)
        for e in statement.events
        if isinstance(e, ConversionEvent)
    ]
    assert found == [
        ("spin_off", "ABC", D(0), "KID", D(10), None),
        ("merger", "XYZ", D(-2), "NEW", D(4), D(1)),
    ]


def test_a_new_name_is_a_conversion_and_a_new_number_is_nothing() -> None:
    writer = funded()
    for symbol in ("(ABC, OLD NAME, US0000000001)", "(QRS, NEW NAME, US0000000009)"):
        quantity = "-5" if symbol.startswith("(ABC") else "5"
        text = f"ABC(US0000000001) CUSIP/ISIN Change to (US0000000009) {symbol}"
        writer.action(ABC, text, "2024-05-01, 20:25:00", quantity)
        text = text.replace("QRS", "ABC").replace("(ABC, OLD", "(ABC.OLD, OLD")
        writer.action(ABC, text, "2024-06-01, 20:25:00", quantity)
    statement = one(writer.content())
    (event,) = of_kind(statement.events, ConversionEvent)
    assert isinstance(event, ConversionEvent)
    assert (event.kind, event.to_symbol) == ("symbol_change", "QRS")
    assert dict(statement.counts.skipped)["corporate action without effect"] == 2


def test_a_corporate_action_that_is_not_understood_is_quarantined() -> None:
    writer = funded()
    text = f"{ABC.sentence} Voluntary Offer Allocation {ABC.triple}"
    writer.action(ABC, text, "2024-05-01, 20:25:00", "-5")
    (row,) = one(writer.content()).quarantined
    assert row.rule == "corporate_action_not_understood"
    assert text in row.text


def test_a_basis_that_is_not_told_is_unknown(statement: Statement) -> None:
    found = [
        (e.symbol, e.quantity, e.cost_basis)
        for e in statement.events
        if isinstance(e, TransferEvent)
    ]
    assert found == [("KID", D(10), None), ("EUX", D(200), D(2300)), ("KID", D(-4), None)]


def test_closing_positions_keep_their_sign_and_their_lots(statement: Statement) -> None:
    positions = {each.symbol: each for each in statement.positions or ()}
    assert positions["EUX"].quantity == D(1200)
    assert positions["ABC"].cost_basis == sum(
        lot.cost_basis for lot in statement.open_lots or () if lot.symbol == "ABC"
    )


def test_closed_lots_name_the_trade_that_closed_them(statement: Statement) -> None:
    sold = next(e for e in statement.events if isinstance(e, Fill) and e.quantity == -120)
    lots = [lot for lot in statement.closed_lots or () if lot.fill_id == sold.fill_id]
    assert [lot.quantity for lot in lots] == [D(100), D(20)]


def test_a_section_without_rows_is_empty_and_a_missing_one_is_unknown() -> None:
    writer = funded()
    assert one(writer.content()).positions is None
    writer.extra.append(["Open Positions", "Header", "DataDiscriminator", "Asset Category"])
    empty = one(writer.content())
    assert empty.positions == ()
    assert "Open Positions" in empty.sections
    assert "Dividends" not in empty.sections


def test_rates_instruments_and_the_time_weighted_return_are_kept(statement: Statement) -> None:
    assert {each.currency: each.rate for each in statement.exchange_rates or ()} == {
        "USD": D("0.90")
    }
    put = next(each for each in statement.instruments or () if each.symbol.endswith("40 P"))
    assert put.multiplier == 100
    assert statement.net_asset_value is not None
    assert statement.net_asset_value.time_weighted_return == D("0.0425")


def test_a_later_header_renames_the_columns_that_follow() -> None:
    rows = funded().rows()
    at = next(
        i for i, row in enumerate(rows) if row[0] == "Deposits & Withdrawals" and row[1] == "Data"
    )
    rows[at + 2 : at + 2] = [
        ["Deposits & Withdrawals", "Header", "Amount", "Description", "Settle Date", "Currency"],
        ["Deposits & Withdrawals", "Data", "1,250.50", "Second", "2024-02-02", "EUR"],
    ]
    assert D("1250.50") in [
        e.amount for e in one(as_bytes(rows)).events if isinstance(e, CashMovement)
    ]


def test_two_statements_in_one_file_are_two_statements() -> None:
    first, second = funded(), funded(account="U0000002")
    content = first.content() + second.content()
    statements = read_statements(content, "both.csv", ACCOUNTS)
    assert [each.account_id for each in statements] == ["main", "second"]
    rows = len(first.rows()) + len(second.rows())
    assert sum(each.counts.read for each in statements) == rows


def test_rows_of_a_consolidated_statement_go_to_the_account_that_they_name() -> None:
    first = funded().trade(ABC, "3", "10", "2024-05-01, 10:00:00")
    second = funded(account="U0000002").trade(ABC, "4", "10", "2024-05-01, 10:00:00")
    content = consolidated(first, second)
    statements = parse_activity_statement(content, file_name="both.csv", accounts=ACCOUNTS)
    quantities = [[e.quantity for e in each.events if isinstance(e, Fill)] for each in statements]
    assert quantities == [[D(3)], [D(4)]]
    assert [each.cash for each in statements] == [None, None]
    read = sum(each.counts.read for each in statements)
    assert read == len(content.decode().splitlines())
    assert all(each.quarantined == () for each in statements)
