"""A Flex statement says the same as the activity statement of the same account."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import BrokerEvent, Cancellation, CashMovement, ExchangeFill, Fill
from ballast.books.postings import postings_of
from ballast.books.statements import (
    Statement,
    StatementError,
    closing_quantities,
    parse_flex,
    read_statements,
    require_identities,
)
from tests.ballast.books.statements.fixture_statements import (
    ABC,
    ACCOUNTS,
    full_year,
    funded,
    one,
)
from tests.ballast.books.statements.synthetic_flex import flex, flex_tree

Change = Callable[[ElementTree.Element], object]


def strict(content: bytes) -> Statement:
    (statement,) = parse_flex(content, file_name="flex.xml", accounts=ACCOUNTS, strict=True)
    return statement


def changed(*changes: Change) -> bytes:
    root = flex_tree(full_year())
    for change in changes:
        change(root)
    return ElementTree.tostring(root, encoding="utf-8")


def find(root: ElementTree.Element, path: str) -> ElementTree.Element:
    found = root.find(f".//{path}")
    assert found is not None
    return found


def refusal(content: bytes) -> str:
    with pytest.raises(StatementError) as caught:
        read_statements(content, "flex.xml", ACCOUNTS)
    return str(caught.value)


def facts(event: BrokerEvent) -> BrokerEvent:
    """Return an event without what differs between the formats: identifiers, settlement and wording."""
    match event:
        case Cancellation():
            return replace(event, event_id="", cancels=facts(event.cancels))
        case Fill() | ExchangeFill():
            return replace(event, fill_id="", description=None)
        case CashMovement():
            return replace(event, movement_id="", symbol=None)
        case _:
            return replace(event, event_id="", description=None)


def test_both_formats_give_the_same_events_positions_and_cash() -> None:
    by_flex, by_csv = strict(flex(full_year())), one(full_year().content())
    assert Counter(map(facts, by_flex.events)) == Counter(map(facts, by_csv.events))
    assert closing_quantities(by_flex) == closing_quantities(by_csv)
    assert {(c.currency, c.ending) for c in by_flex.cash or ()} == {
        (c.currency, c.ending) for c in by_csv.cash or ()
    }
    assert Counter(by_flex.open_lots or ()) == Counter(by_csv.open_lots or ())


def test_the_sums_of_a_whole_flex_statement_hold() -> None:
    results = require_identities(strict(flex(full_year())), previous={})
    unchecked = {result.name for result in results if not result.holds}
    assert unchecked == {
        "totals are the sums of their rows",
        "proceeds, fee and basis are the realised gain",
    }


def test_identifiers_are_those_of_the_broker() -> None:
    statement = strict(flex(full_year()))
    fills = [event for event in statement.events if isinstance(event, Fill)]
    assert fills[0].fill_id == "1001"
    assert statement.counts.adds_up
    postings = postings_of(statement.events, source="broker")
    assert postings["external_id"].n_unique() == postings.height


def test_an_empty_section_is_fine_and_an_absent_one_is_a_warning() -> None:
    empty = strict(flex(funded()))
    assert empty.positions == ()
    assert empty.warnings == ()
    absent = one(changed(lambda root: _remove(root, "OpenPositions")), "flex.xml")
    assert absent.positions is None
    assert [(each.rule, each.subject) for each in absent.warnings] == [
        ("section_absent", "OpenPositions")
    ]


def test_without_any_required_section_the_file_is_refused() -> None:
    names = ("OpenPositions", "AccountInformation", "Trades", "CashTransactions")
    content = changed(*(lambda root, name=name: _remove(root, name) for name in names))
    assert "none of the required sections" in refusal(content)


def test_an_unknown_attribute_is_a_warning_and_in_tests_an_error() -> None:
    content = changed(lambda root: find(root, "Trade").set("moonPhase", "full"))
    assert [each.subject for each in one(content, "flex.xml").warnings] == ["Trade.moonPhase"]
    with pytest.raises(StatementError, match="moonPhase"):
        strict(content)


def test_a_new_code_or_a_new_word_that_is_not_read_costs_no_trade() -> None:
    def change(root: ElementTree.Element) -> None:
        find(root, "Trade").set("notes", "O;Zz")
        find(root, "Trade").set("orderType", "TELEPATHY")

    statement = one(changed(change), "flex.xml")
    assert statement.quarantined == ()
    assert len(statement.events) == len(one(full_year().content()).events)


@pytest.mark.parametrize(
    ("path", "attribute", "value", "rule"),
    [
        ("Trade", "tradePrice", "-50", "price_is_negative"),
        ("Trade", "tradePrice", "NaN", "number_not_readable"),
        ("Trade", "quantity", "many", "attribute_not_readable"),
        ("Trade", "assetCategory", "FUT", "asset_category_not_booked"),
        ("Trade", "accountId", "U0000002", "account_differs_from_statement"),
        ("Trade", "tradeID", "1002", "identifier_repeated"),
        ("CashTransaction", "type", "Bribes", "attribute_not_readable"),
        ("CashTransaction", "amount", "0", "amount_is_zero"),
        ("Transfer", "direction", "-", "direction_not_known"),
        ("CorporateAction", "actionDescription", "Something", "corporate_action_not_understood"),
        ("OpenPosition", "markPrice", "-1", "price_is_negative"),
    ],
)
def test_a_senseless_element_is_quarantined_by_rule(
    path: str, attribute: str, value: str, rule: str
) -> None:
    statement = one(changed(lambda root: find(root, path).set(attribute, value)), "flex.xml")
    (row,) = statement.quarantined
    assert row.rule == rule
    assert statement.counts.adds_up


def test_summaries_and_orders_of_the_same_rows_are_not_counted_again() -> None:
    def change(root: ElementTree.Element) -> None:
        for path in ("CashTransaction", "Trade"):
            section = find(root, f"{path}s")
            again = ElementTree.SubElement(section, path, find(root, path).attrib)
            again.set("levelOfDetail", "SUMMARY" if path == "CashTransaction" else "ORDER")

    statement = one(changed(change), "flex.xml")
    require_identities(statement, {})
    assert dict(statement.counts.skipped) == {
        "order whose executions are counted": 1,
        "summary of rows that are counted": 1,
    }


def test_a_cancellation_by_the_number_of_its_trade() -> None:
    writer = funded().trade(ABC, "10", "50", "2024-02-01, 10:00:00")
    root = flex_tree(writer)
    bought = find(root, "Trade")
    cancelled = ElementTree.SubElement(find(root, "Trades"), "Trade", bought.attrib)
    for name, value in {
        "tradeID": "9999", "origTradeID": bought.get("tradeID", ""), "transactionType": "TradeCancel",
        "buySell": "BUY (Ca.)", "quantity": "-10", "proceeds": "500", "ibCommission": "0",
    }.items():  # fmt: skip
        cancelled.set(name, value)
    statement = strict(ElementTree.tostring(root))
    (event,) = [each for each in statement.events if isinstance(each, Cancellation)]
    assert isinstance(event.cancels, Fill)
    assert event.cancels.fill_id == bought.get("tradeID")


def test_several_statements_in_one_file() -> None:
    statements = read_statements(flex(funded(), funded(account="U0000002")), "flex.xml", ACCOUNTS)
    assert [each.account_id for each in statements] == ["main", "second"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<FlexQueryResponse", "damaged or cut off"),
        (b"<html><body/></html>", "no Flex statement"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><FlexQueryResponse/>', "declares a document type"),
        (
            b"<FlexStatementResponse><ErrorCode>1019</ErrorCode><ErrorMessage>In progress</ErrorMessage>"
            b"</FlexStatementResponse>",
            "In progress",
        ),
        (flex(funded()).replace(b'count="1"', b'count="2"'), "announces '2' statements and holds 1"),
        (flex(funded()).replace(b'fromDate="2024', b'fromDate="twenty'), "head of the statement"),
        (flex(funded(account="U0000777")), r"*****777"),
        (flex(full_year())[:-200], "cut off"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_whole_flex_statement_is_refused(content: bytes, words: str) -> None:
    assert words in refusal(content)


def test_the_library_is_loaded_only_for_flex_files() -> None:
    code = "import sys, ballast.books.statements; sys.exit('ibflex' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


ATTRIBUTE_VALUES = st.one_of(
    st.sampled_from(
        ["", "-", "0", "-1", "NaN", "1e400", "20240229", "2024-01-01", "MULTI", "Ca", "SUMMARY", "USD", "XXX", "Y"]
    ),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=10),
)  # fmt: skip


@settings(deadline=None, max_examples=75)
@given(st.data())
def test_a_damaged_flex_statement_is_read_or_refused(data: st.DataObject) -> None:
    root = flex_tree(full_year())
    for _ in range(data.draw(st.integers(1, 5))):
        elements = list(root.iter())
        element = elements[data.draw(st.integers(0, len(elements) - 1))]
        match data.draw(st.sampled_from(["set", "set", "delete", "move", "rename", "child"])):
            case "set" if element.attrib:
                element.set(
                    data.draw(st.sampled_from(sorted(element.attrib))), data.draw(ATTRIBUTE_VALUES)
                )
            case "delete" if element.attrib:
                element.attrib.pop(data.draw(st.sampled_from(sorted(element.attrib))))
            case "rename":
                element.tag = data.draw(
                    st.sampled_from(["Trade", "Lot", "decimal", "FlexStatement", "Trades"])
                )
            case "child":
                element.append(ElementTree.Element("Trade", {"symbol": "ABC"}))
            case _ if len(element):
                element.remove(element[0])
    try:
        statements = read_statements(ElementTree.tostring(root), "flex.xml", ACCOUNTS)
    except StatementError:
        return
    for statement in statements:
        assert statement.counts.adds_up
        postings_of(statement.events, source="broker")


def _remove(root: ElementTree.Element, section: str) -> None:
    statement = find(root, "FlexStatement")
    statement.remove(find(statement, section))
