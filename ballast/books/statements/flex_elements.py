"""The grammar of a Flex statement: containers of elements that hold everything in attributes.

The library ibflex converts an element; we walk the tree ourselves, because the library tells an absent section from an
empty one as little as a bad element from a bad file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from xml.etree import ElementTree

from ballast.books.statements.cells import BROKER_ZONE, LARGEST, RowRefusedError
from ballast.books.statements.rows import decoded
from ballast.books.statements.statement_error import StatementError

_DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_LONGEST_ATTRIBUTE = 1_000
# A new word in an attribute that nobody reads is no reason to set a row aside.
_ALL_USED = frozenset(
    {"FlexStatement", "CashReportCurrency", "ChangeInNAV", "EquitySummaryByReportDateInBase"}
)
_CODES = frozenset({"notes", "code"})
_USED = _CODES | {
    "actionDescription", "actionID", "amount", "assetCategory", "buySell", "cashTransfer", "conid", "cost",
    "costBasisMoney", "currency", "date", "dateTime", "description", "direction", "fifoPnlRealized",
    "fromCurrency", "fxRateToBase", "ibCommission", "ibCommissionCurrency", "ibExecID", "ibOrderID", "isin",
    "levelOfDetail", "listingExchange", "markPrice", "multiplier", "openDateTime", "origTradeID", "position",
    "positionValue", "proceeds", "quantity", "rate", "reportDate", "settleDate", "settleDateTarget", "symbol",
    "taxes", "toCurrency", "tradeDate", "tradeID", "tradePrice", "tradeTime", "transactionID", "transactionType",
    "transferPrice", "type",
}  # fmt: skip


@dataclass(frozen=True)
class Element:
    """One element that holds data.

    Parameters
    ----------
    position : int
        Its number among the elements that hold data, from one; Flex files are often a single line.
    """

    position: int
    section: str
    raw: ElementTree.Element

    @property
    def tag(self) -> str:
        """What kind of thing it is."""
        return self.raw.tag

    @property
    def text(self) -> str:
        """The element as one line."""
        attributes = " ".join(f'{name}="{value}"' for name, value in self.raw.attrib.items())
        return f"<{self.tag} {attributes}>"

    def converted(self) -> Any:
        """Return the element with typed attributes; what the library does not know is left out."""
        from ibflex.parser import FlexParserError, parse_data_element

        known = _annotations(self.tag)
        if not known:
            raise RowRefusedError("element_not_known")
        if len(self.raw):
            raise RowRefusedError("element_has_children")
        wanted = known if self.tag in _ALL_USED else known & _USED
        attributes = {name: text for name, text in self.raw.attrib.items() if name in wanted}
        for name in _CODES & attributes.keys():
            attributes[name] = _known_codes(attributes[name])
        if any(len(text) > _LONGEST_ATTRIBUTE for text in attributes.values()):
            raise RowRefusedError("attribute_too_long")
        try:
            found = parse_data_element(ElementTree.Element(self.tag, attributes))
        except FlexParserError:
            raise RowRefusedError("attribute_not_readable") from None
        for name in attributes:
            _refuse_endless(getattr(found, name))
        return found


def root_of(content: bytes, *, file_name: str) -> ElementTree.Element:
    """Return the root of a Flex file, which declares no entities: those may grow without end."""
    text = decoded(content, file_name=file_name)
    if _DECLARATION.search(text):
        raise StatementError(
            "the file declares a document type or entities, which no Flex statement does",
            where=file_name,
            remedy="Download the statement from the broker.",
        )
    try:
        # The text is UTF-8, whatever it says about itself.
        parser = ElementTree.XMLParser(encoding="utf-8")
        root = ElementTree.XML(text.encode(), parser)
    except (ElementTree.ParseError, ValueError) as error:
        raise StatementError(
            f"the file is damaged or cut off: {error}",
            where=file_name,
            remedy="Download the statement again.",
        ) from None
    return root


def statements_of(root: ElementTree.Element, *, file_name: str) -> list[ElementTree.Element]:
    """Return the statements of a Flex file, of which there have to be as many as it says."""
    if root.tag == "FlexStatementResponse":
        message = root.findtext("ErrorMessage") or "no message"
        raise StatementError(
            f"the file is no statement but an answer of the service: {message[:200]}",
            where=file_name,
            remedy="Ask for the statement again later.",
        )
    container = root.find("FlexStatements")
    if root.tag != "FlexQueryResponse" or container is None:
        raise StatementError(
            "the file is XML and no Flex statement",
            where=file_name,
            remedy="Use the answer to an activity Flex query.",
        )
    found = list(container)
    if container.get("count", "") != str(len(found)) or not found:
        raise StatementError(
            f"the file announces {container.get('count', '')[:20]!r} statements and holds {len(found)}",
            where=file_name,
            remedy="Download the statement again.",
        )
    if any(statement.tag != "FlexStatement" for statement in found):
        raise StatementError(
            "the file holds something else among its statements",
            where=file_name,
            remedy="Download the statement again.",
        )
    return found


def elements_of(statement: ElementTree.Element, after: int) -> Iterator[Element]:
    """Yield the elements of a statement that hold data; some sections are one such element themselves."""
    position = after
    for section in statement:
        for raw in [section] if section.attrib else section:
            position += 1
            yield Element(position, section.tag, raw)


def utc(local: datetime | date) -> datetime:
    """Return the UTC moment of a broker's local one; a bare day is its first instant."""
    moment = local if isinstance(local, datetime) else datetime.combine(local, time())
    if not 1970 <= moment.year <= 2200:
        raise RowRefusedError("date_not_readable")
    return moment.replace(tzinfo=BROKER_ZONE).astimezone(UTC)


def needed(value: Any) -> Any:
    """Return an attribute that has to be there."""
    if value is None or value == "":
        raise RowRefusedError("attribute_missing")
    return value


def word(value: Any) -> str:
    """Return the broker's own word for a value of an enumeration; empty where there is none."""
    return "" if value is None else str(value.value)


def unknown_attributes(tag: str, names: set[str]) -> list[str]:
    """Return the attributes that the library does not know of this kind of element."""
    return sorted(names - _annotations(tag))


def known_sections() -> frozenset[str]:
    """Return the sections that the library knows."""
    return _annotations("FlexStatement")


@lru_cache(maxsize=256)
def _annotations(tag: str) -> frozenset[str]:
    from ibflex import Types

    kind = getattr(Types, tag, None)
    is_kind = isinstance(kind, type) and issubclass(kind, Types.FlexElement)
    return frozenset(kind.__annotations__ if is_kind else ())


def _known_codes(text: str) -> str:
    return ";".join(code for code in re.split("[;,]", text) if code in _codes())


@cache
def _codes() -> frozenset[str]:
    from ibflex.enums import Code

    return frozenset(code.value for code in Code)


def _refuse_endless(value: Any) -> None:
    if isinstance(value, Decimal) and not (value.is_finite() and abs(value) < LARGEST):
        raise RowRefusedError("number_not_readable")
