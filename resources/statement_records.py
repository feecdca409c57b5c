"""What the store remembers of a statement file: counts, quarantined rows, sums, and the securities it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ballast.books.broker_events import (
    BrokerEvent,
    CashMovement,
    ConversionEvent,
    Fill,
    TransferEvent,
)
from ballast.books.postings import postings_of
from ballast.books.statement_import import SOURCE
from ballast.books.statements import Identity, Instrument, Statement
from ballast.books.statements.effects import quantity_changes
from ballast.books.statements.statement_error import without_numbers
from ballast.books.statements.trade_events import FOREX, OPTIONS
from ballast.money import ZERO, to_amount
from resources.clock import now

# Where a statement does not tell, its broker's own.
HOME_EXCHANGE = "XNYS"
_LONGEST_NAME, _LONGEST_IDENTIFIER = 255, 32
_KINDS = {"Stocks": "equity", "Equity and Index Options": "option", "Bonds": "bond"}
_EXCHANGES = {
    "NYSE": "XNYS", "NASDAQ": "XNYS", "ARCA": "XNYS", "AMEX": "XNYS", "BATS": "XNYS",
    "CBOE": "XNYS", "PINK": "XNYS", "AEB": "XAMS", "IBIS": "XETR", "IBIS2": "XETR",
    "FWB": "XFRA", "LSE": "XLON", "LSEETF": "XLON", "SBF": "XPAR", "BVME": "XMIL",
    "BM": "XMAD", "EBS": "XSWX", "SEHK": "XHKG", "TSE": "XTSE", "TSEJ": "XTKS", "ASX": "XASX",
}  # fmt: skip


def instrument_rows(statement: Statement, digest: str) -> list[dict[str, Any]]:
    """Return what a statement says about securities, as rows of the store.

    Of a security that it moves and does not describe, a row all the same: else the books would take it for cash. Its
    exchange is null, so that any statement that describes it counts more.
    """
    currencies, categories = _currencies(statement), _categories(statement)
    rows = [
        _instrument(each, currency, digest) | {"exchange": _EXCHANGES.get(each.exchange or "")}
        for each in statement.instruments or ()
        if (currency := each.currency or currencies.get(each.symbol)) is not None
    ]
    described = {row["symbol"] for row in rows}
    for symbol in sorted({*quantity_changes(statement.events), *categories} - described):
        if (currency := currencies.get(symbol)) is not None:
            category = categories.get(symbol, "")
            bare = Instrument(symbol, category, None, currency, None, None, None, None)
            rows.append(_instrument(bare, currency, digest))
    multipliers = _multipliers(statement)
    return [
        row
        | {"known_from": statement.first_day}
        | {"multiplier": to_amount(row["multiplier"] or multipliers.get(row["symbol"], 1))}
        for row in rows
    ]


def _currencies(statement: Statement) -> dict[str, str]:
    """Return the currency of each security that the statement moves or holds."""
    found: dict[str, str] = {}
    conversions = []
    for event in statement.events:
        match event:
            case (
                Fill(symbol=symbol, currency=currency)
                | TransferEvent(symbol=symbol, currency=str(currency))
            ):
                found[symbol] = currency
            case CashMovement(symbol=str(symbol), currency=currency):
                found.setdefault(symbol, currency)
            case ConversionEvent():
                conversions.append((event.from_symbol, event.to_symbol))
            case _:
                continue
    found |= {each.symbol: each.currency for each in statement.positions or ()}
    for old, new in conversions:
        if (known := found.get(new) or found.get(old)) is not None:
            found.setdefault(old, known)
            found.setdefault(new, known)
    return found


def _categories(statement: Statement) -> dict[str, str]:
    traded = {t.symbol: t.asset_category for t in statement.trades if t.asset_category != FOREX}
    return traded | {each.symbol: each.asset_category for each in statement.positions or ()}


def _multipliers(statement: Statement) -> dict[str, Decimal]:
    """Return units per contract as far as prices and amounts tell them, for securities that are not described."""
    amounts = [
        (event.symbol, abs(event.proceeds), abs(event.quantity) * event.price)
        for event in statement.events
        if isinstance(event, Fill) and event.kind == "trade" and event.proceeds is not None
    ]
    amounts += [
        (each.symbol, abs(each.value), abs(each.quantity) * each.close_price)
        for each in statement.positions or ()
        if each.value is not None and each.close_price is not None
    ]
    categories = _categories(statement)
    return {
        symbol: Decimal(round(amount / units))
        for symbol, amount, units in amounts
        if categories.get(symbol) == OPTIONS and units > ZERO and amount >= units
    }


def close_rows(statement: Statement, digest: str) -> list[dict[str, Any]]:
    """Return the closing prices of a statement, as rows of the store."""
    return [
        {
            "symbol": position.symbol,
            "day": statement.last_day,
            "close": to_amount(position.close_price),
            "sha256": digest,
        }
        for position in statement.positions or ()
        if position.close_price is not None and position.close_price > ZERO
    ]


def _instrument(each: Instrument, currency: str, digest: str) -> dict[str, Any]:
    return {
        "symbol": each.symbol,
        "name": (each.description or each.symbol)[:_LONGEST_NAME],
        "currency": currency,
        "exchange": None,
        "kind": _KINDS.get(each.asset_category, "other"),
        "multiplier": each.multiplier,
        "isin": each.isin if each.isin and len(each.isin) <= _LONGEST_IDENTIFIER else None,
        "sha256": digest,
    }


def registry_row(
    digest: str, name: str, found: list[tuple[Statement, list[Identity]]], new: int
) -> dict[str, Any]:
    """Return the row of the registry for a file and its statements with their sums.

    Parameters
    ----------
    new : int
        Postings that the file brought.
    """
    counts = [statement.counts for statement, _ in found]
    skipped = sum(
        each.check_sums + sum(n for _, n in (*each.skipped, *each.ignored)) for each in counts
    )
    detail = {
        "accounts": sorted({statement.account_id for statement, _ in found}),
        "first_day": min((s.first_day.isoformat() for s, _ in found), default=None),
        "last_day": max((s.last_day.isoformat() for s, _ in found), default=None),
        "skipped": _added_up(n for each in counts for n in each.skipped),
        "ignored": _added_up(n for each in counts for n in each.ignored),
        "quarantined": [
            {"line": row.line, "section": row.section, "rule": row.rule}
            | {"text": without_numbers(row.text)}
            for statement, _ in found
            for row in statement.quarantined
        ],
        "warnings": [
            without_numbers(f"{w.subject}: {w.text}")
            for statement, _ in found
            for w in statement.warnings
        ],
        "identities": [
            {
                "account_id": statement.account_id,
                "name": each.name,
                "subject": each.subject,
                "expected": None if each.expected is None else str(each.expected),
                "found": None if each.found is None else str(each.found),
                "holds": each.holds,
                "not_checkable": each.not_checkable,
            }
            for statement, results in found
            for each in results
        ],
    }
    return {
        "sha256": digest,
        # Brokers name files after the account.
        "file_name": without_numbers(name)[:255],
        "format": found[0][0].format if found else "unknown",
        "status": "imported",
        "rows_read": sum(each.read for each in counts),
        "rows_imported": sum(each.imported for each in counts),
        "rows_skipped": skipped,
        "rows_quarantined": sum(each.quarantined for each in counts),
        "postings": new,
        "detail": json.dumps(detail),
        "imported_at": now(),
    }


def posting_rows(events: list[BrokerEvent]) -> list[dict[str, Any]]:
    """Return the postings of events as rows of the store."""
    recorded = {"recorded_at": now()}
    return [
        row | recorded | {"description": row["description"] and without_numbers(row["description"])}
        for row in postings_of(events, source=SOURCE).iter_rows(named=True)
    ]


def _added_up(pairs: Iterator[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, count in pairs:
        sums[name] = sums.get(name, 0) + count
    return sums
