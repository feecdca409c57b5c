"""The Flex statement (XML): which reader takes which section, and what a query must have asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from xml.etree import ElementTree

from ballast.books.statements import flex_movements, flex_summaries, flex_trades
from ballast.books.statements.cells import RowRefusedError, currency_code
from ballast.books.statements.draft import Draft, Heading
from ballast.books.statements.event_ids import EventIds
from ballast.books.statements.flex_elements import (
    Element,
    elements_of,
    known_sections,
    root_of,
    statements_of,
    unknown_attributes,
    utc,
)
from ballast.books.statements.model import Statement
from ballast.books.statements.statement_error import StatementError, account_of_number

Reader = Callable[[list[Element], Draft], None]

ACCOUNT_INFORMATION = "AccountInformation"
REQUIRED_SECTIONS = ("OpenPositions", ACCOUNT_INFORMATION, "Trades", "CashTransactions")
READERS: dict[str, Reader] = {
    "SecuritiesInfo": flex_summaries.read_instruments,
    "ConversionRates": flex_summaries.read_rates,
    "EquitySummaryInBase": flex_summaries.read_net_asset_value,
    "ChangeInNAV": flex_summaries.read_change_in_nav,
    "CashReport": flex_summaries.read_cash_report,
    "OpenPositions": flex_summaries.read_positions,
    "Trades": flex_trades.read_trades,
    "OptionEAE": flex_trades.read_option_events,
    "CorporateActions": flex_movements.read_actions,
    "Transfers": flex_movements.read_transfers,
    "CashTransactions": flex_movements.read_cash,
}
_HEADING = ("accountId", "fromDate", "toDate", "period", "whenGenerated")


def parse_flex(
    content: bytes, *, file_name: str, accounts: Mapping[str, str], strict: bool = False
) -> tuple[Statement, ...]:
    """Read a Flex statement.

    Parameters
    ----------
    accounts : mapping of str to str
        Our account by the broker's number.
    strict : bool
        Refuse attributes that the library does not know instead of warning about them.

    Returns
    -------
    tuple of Statement
        One per account and period; row counts are those of elements that hold data.

    Raises
    ------
    StatementError
        If the file is no whole statement of known accounts, or lacks all required sections.
    """
    statements: list[Statement] = []
    for raw in statements_of(root_of(content, file_name=file_name), file_name=file_name):
        draft = _draft(raw, file_name=file_name, accounts=accounts)
        after = sum(statement.counts.read for statement in statements)
        _read(raw, after, draft)
        statement = draft.finished()
        unknown = [each for each in statement.warnings if each.rule == "attribute_not_known"]
        if strict and unknown:
            raise StatementError(
                f"the attribute {unknown[0].subject} is not known",
                where=file_name,
                remedy="Look for a newer version of ibflex.",
            )
        statements.append(statement)
    return tuple(statements)


def _read(raw: ElementTree.Element, after: int, draft: Draft) -> None:
    present = [section.tag for section in raw]
    for name in REQUIRED_SECTIONS:
        if name not in present:
            draft.warn("section_absent", name, "the Flex query does not ask for this section")
    sections: dict[str, list[Element]] = {name: [] for name in present if name in READERS}
    draft.sections.extend(sections)
    unknown: dict[str, None] = {}
    for element in elements_of(raw, after):
        if element.section == ACCOUNT_INFORMATION:
            draft.imported()
        elif element.section not in READERS:
            if draft.ignored(element.section) and element.section not in known_sections():
                draft.warn("section_not_known", element.section, "its rows are counted, not read")
        elif element.raw.get("accountId") not in {None, "", draft.heading.broker_account}:
            rule = "account_differs_from_statement"
            draft.quarantine(element.position, element.section, rule, element.text)
        else:
            sections[element.section].append(element)
    for name, reader in READERS.items():
        if name in sections:
            unknown |= _unknown_attributes(sections[name])
            reader(sections[name], draft)
    for attribute in unknown:
        draft.warn("attribute_not_known", attribute, "the attribute is left out")


def _unknown_attributes(elements: list[Element]) -> dict[str, None]:
    found: dict[str, None] = {}
    by_tag: dict[str, set[str]] = defaultdict(set)
    for element in elements:
        by_tag[element.tag].update(element.raw.attrib)
    for tag, names in by_tag.items():
        found |= dict.fromkeys(f"{tag}.{name}" for name in unknown_attributes(tag, names))
    return found


def _draft(raw: ElementTree.Element, *, file_name: str, accounts: Mapping[str, str]) -> Draft:
    if not {section.tag for section in raw} & set(REQUIRED_SECTIONS):
        raise StatementError(
            f"none of the required sections is there: {', '.join(REQUIRED_SECTIONS)}",
            where=file_name,
            remedy="Add them to the Flex query.",
        )
    head = ElementTree.Element("FlexStatement", {name: raw.get(name, "") for name in _HEADING})
    try:
        about = Element(0, "FlexStatement", head).converted()
        number = about.accountId or ""
        base_currency = currency_code(_base_currency(raw))
        if about.fromDate > about.toDate:
            raise RowRefusedError("period_ends_before_it_starts")
        utc(about.fromDate), utc(about.toDate)
        generated_at = utc(about.whenGenerated)
    except RowRefusedError as error:
        raise StatementError(
            f"the head of the statement breaks the rule {error.rule}",
            where=file_name,
            remedy="Ask for the section Account Information and for dates as yyyy-MM-dd.",
        ) from None
    account_id = account_of_number(number, accounts, file_name=file_name)
    heading = Heading(
        file_name, "flex", number, account_id, base_currency,
        about.fromDate, about.toDate, generated_at,
    )  # fmt: skip
    return Draft(heading, EventIds(number))


def _base_currency(raw: ElementTree.Element) -> str:
    """Return the base currency from where a query may have asked for it."""
    places = (
        (ACCOUNT_INFORMATION, "currency"),
        ("ConversionRates/ConversionRate", "toCurrency"),
        ("ChangeInNAV", "currency"),
    )
    for path, attribute in places:
        element = raw.find(path)
        if element is not None and element.get(attribute):
            return element.get(attribute, "")
    return ""
