"""What the store remembers of a statement file: counts, quarantined rows, sums, and the securities it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ballast.books.statements import Identity, Instrument, Statement
from ballast.money import ZERO, to_amount
from resources.clock import now

_KINDS = {"Stocks": "equity", "Equity and Index Options": "option", "Bonds": "bond"}
_EXCHANGES = {
    "NYSE": "XNYS", "NASDAQ": "XNYS", "ARCA": "XNYS", "AMEX": "XNYS", "BATS": "XNYS",
    "CBOE": "XNYS", "PINK": "XNYS", "AEB": "XAMS", "IBIS": "XETR", "IBIS2": "XETR",
    "FWB": "XFRA", "LSE": "XLON", "LSEETF": "XLON", "SBF": "XPAR", "BVME": "XMIL",
    "BM": "XMAD", "EBS": "XSWX", "SEHK": "XHKG", "TSE": "XTSE", "TSEJ": "XTKS", "ASX": "XASX",
}  # fmt: skip


def instrument_rows(statement: Statement, digest: str) -> list[dict[str, Any]]:
    """Return what a statement says about securities, as rows of the store."""
    held = {position.symbol: position.currency for position in statement.positions or ()}
    traded = {trade.symbol: trade.currency for trade in statement.trades}
    listed = [
        (each, each.currency or held.get(each.symbol) or traded.get(each.symbol))
        for each in statement.instruments or ()
    ]
    return [
        _instrument(each, currency, digest) | {"known_from": statement.first_day}
        for each, currency in listed
        if currency is not None
    ]


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
        "name": each.description or each.symbol,
        "currency": currency,
        "exchange": _EXCHANGES.get(each.exchange or "", "XNYS"),
        "kind": _KINDS.get(each.asset_category, "other"),
        "multiplier": to_amount(each.multiplier or 1),
        "isin": each.isin,
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
            {"line": row.line, "section": row.section, "rule": row.rule, "text": row.text}
            for statement, _ in found
            for row in statement.quarantined
        ],
        "warnings": [
            f"{w.subject}: {w.text}" for statement, _ in found for w in statement.warnings
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
        "file_name": name[:255],
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


def _added_up(pairs: Iterator[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, count in pairs:
        sums[name] = sums.get(name, 0) + count
    return sums
