"""Clues apart from the broker's account of events: our orders, corporate actions, and the books themselves.

Each function returns what one kind of clue could account for; whether it does is decided by `inference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from ballast.calendars import end_of_session
from ballast.money import ZERO, multiply, to_amount, to_cents
from ballast.reconciliation.causes import Cause
from ballast.reconciliation.clues import Clues, Transaction
from ballast.reconciliation.findings import RECONCILIATION, Finding, PostingRow

# A broker books dividends and splits within this time of their ex dates.
_ACTIONS_WITHIN = timedelta(days=60)
_TWIN_WITHIN = timedelta(days=3)
# Orders that may have been filled.
_FILLED = ("filled", "partially_filled")
_FILLABLE = (*_FILLED, "submitted", "accepted", "unknown")


def all_clues(clues: Clues) -> list[Finding]:
    """Return every clue, the more telling kinds first."""
    return [finding for kind in _KINDS for finding in kind(clues)]


def orders(clues: Clues) -> Iterator[Finding]:
    """Return orders that may have been filled and are not booked whole; the cash beside them tells their price."""
    trades = _trades(clues)
    for order in sorted(clues.orders, key=lambda each: (each["session"], each["client_order_id"])):
        if order["state"] not in _FILLABLE or order["side"] not in {"buy", "sell"}:
            continue
        signed = order["quantity"] * (1 if order["side"] == "buy" else -1)
        missing = _unbooked(
            signed, order["session"], trades.get((order["symbol"], signed > ZERO), [])
        )
        if missing == ZERO:
            continue
        booked = missing != signed
        yield Finding(
            evidence=f"order {order['client_order_id']}",
            account_id=clues.account_id,
            cause="partial_fill" if booked else "missed_fill",
            source="orders",
            description=(
                f"The order to {order['side']} {order['quantity'].normalize():f} {order['symbol']} of"
                f" {order['session']} is {order['state']}; {abs(missing).normalize():f} of it are not booked."
            ),
            effects={order["symbol"]: missing},
            needs_cash=order["state"] not in _FILLED,
        )


def splits(clues: Clues) -> Iterator[Finding]:
    """Return splits that the books do not have."""
    for action in _recent_actions(clues, "split"):
        symbol, ex_date = action["symbol"], action["ex_date"]
        held = clues.held_before(symbol, ex_date)
        if held == ZERO or _is_booked(clues, "split", "commodity", action):
            continue
        exact = to_amount(held * action["ratio"]) - held
        whole = to_amount(held * action["ratio"]).to_integral_value(ROUND_FLOOR) - held
        for added in dict.fromkeys((to_amount(whole), exact)):
            yield Finding(
                evidence=f"split {symbol} {ex_date}",
                account_id=clues.account_id,
                cause="split",
                source="corporate_actions",
                description=(
                    f"{symbol} was split {action['ratio'].normalize():f} for 1 on {ex_date}: {held.normalize():f} units"
                    f" become {(held + added).normalize():f}."
                ),
                effects={symbol: added},
                book=(_row("split", symbol, added),),
            )


def dividends(clues: Clues) -> Iterator[Finding]:
    """Return dividends that the books do not have."""
    for action in _recent_actions(clues, "dividend"):
        symbol, ex_date = action["symbol"], action["ex_date"]
        held = clues.held_before(symbol, ex_date)
        amount = to_cents(multiply(held, action["amount"]))
        if amount == ZERO or _is_booked(clues, "dividend", "concerns", action, amount):
            continue
        currency = clues.currencies[symbol]
        yield Finding(
            evidence=f"dividend {symbol} {ex_date}",
            account_id=clues.account_id,
            cause="dividend",
            source="corporate_actions",
            description=(
                f"{symbol} paid {action['amount'].normalize():f} {currency} a share on {ex_date}:"
                f" {amount:,.2f} {currency} for {held.normalize():f} units."
            ),
            effects={currency: amount},
            book=(_row("dividend", currency, amount, concerns=symbol),),
        )


def repeated(clues: Clues) -> Iterator[Finding]:
    """Return transactions that say what another one said, and that the broker did not tell of."""

    def doubtful_last(each: Transaction) -> tuple[object, ...]:
        is_doubtful = each[0]["transaction_id"] not in clues.confirmed
        return is_doubtful, each[0]["occurred_at"], each[0]["posting_id"]

    seen: dict[tuple[object, ...], Transaction] = {}
    for each in sorted(clues.recent(), key=doubtful_last):
        facts = tuple(
            (row["kind"], row["commodity"], row["quantity"], row["unit_cost"])
            for row in _ordered(each)
        )
        first = seen.setdefault(facts, each)
        apart = abs(each[0]["occurred_at"] - first[0]["occurred_at"])
        if first is not each and doubtful_last(each)[0] and apart <= _TWIN_WITHIN:
            yield _taken_back(clues, each, "duplicate_fill", "The books have it twice")


def own_adjustments(clues: Clues) -> Iterator[Finding]:
    """Return what earlier reconciliations booked, which the event itself may have followed since."""
    for each in clues.transactions:
        if each[0]["source"] == RECONCILIATION:
            what = "An adjustment stands although its event has been booked since"
            yield _taken_back(clues, each, "duplicate_fill", what)


def strangers(clues: Clues) -> Iterator[Finding]:
    """Return what somebody else than the broker booked, where the broker told everything that happened."""
    for each in clues.transactions if clues.source else ():
        if each[0]["source"] not in {clues.source, RECONCILIATION}:
            what = f"The books have it from {each[0]['source']}, and the broker does not know it"
            yield _taken_back(clues, each, "unknown_booking", what)


def mirrored(clues: Clues) -> Iterator[Finding]:
    """Return trades that would agree with the broker if they had the other sign."""
    for each in clues.recent():
        trade = next(
            (r for r in each if r["kind"] == "trade" and clues.is_security(r["commodity"])), None
        )
        if trade is None or trade["transaction_id"] in clues.confirmed:
            continue
        turned = tuple(
            dict(row) | {"quantity": -row["quantity"]} if row["kind"] != "commission" else row
            for row in each
        )
        yield Finding(
            evidence=f"transaction {trade['transaction_id'][:12]}",
            account_id=clues.account_id,
            cause="wrong_sign",
            source="books",
            description=f"{_in_words(trade)} was booked with the wrong sign.",
            effects={r["commodity"]: -2 * r["quantity"] for r in each if r["kind"] != "commission"},
            book=turned,
            reverse=tuple(each),
        )


def unsettled(clues: Clues) -> Iterator[Finding]:
    """Return cash that the books count from the trade and the broker from the settlement, with its fee or without."""
    for each in clues.transactions:
        pending = [
            row
            for row in each
            if row["settled_on"] is not None
            and row["settled_on"] > clues.session
            and not clues.is_security(row["commodity"])
        ]
        without_fee = [row for row in pending if row["kind"] != "commission"]
        for rows in [pending] if len(without_fee) == len(pending) else [pending, without_fee]:
            if not rows:
                continue
            first = _ordered(each)[0]
            yield Finding(
                evidence=f"transaction {first['transaction_id'][:12]}",
                account_id=clues.account_id,
                cause="pending_settlement",
                source="calendar",
                description=f"The cash of {_in_words(first)} settles on {rows[0]['settled_on']}.",
                effects=_negated_sums(rows),
                resolves_itself=True,
            )


# The more telling kinds first.
_KINDS = (orders, splits, dividends, unsettled, repeated, own_adjustments, strangers, mirrored)


def _trades(clues: Clues) -> dict[tuple[str, bool], list[list[Any]]]:
    """Return moment and quantity of the trades, by security and whether they bought, in order of time."""
    found: dict[tuple[str, bool], list[list[Any]]] = {}
    for row in (row for each in clues.transactions for row in each):
        if row["kind"] == "trade" and clues.is_security(row["commodity"]):
            key = row["commodity"], row["quantity"] > ZERO
            found.setdefault(key, []).append([row["occurred_at"], row["quantity"]])
    return found


def _unbooked(wanted: Decimal, session: date, trades: list[list[Any]]) -> Decimal:
    """Use up trades of one side from a session on for an order; return what of it they leave open."""
    start = end_of_session(session - timedelta(days=1))
    for trade in trades:
        if trade[0] >= start and wanted != ZERO:
            used = min(wanted, trade[1], key=abs)
            trade[1] -= used
            wanted -= used
    return wanted


def _recent_actions(clues: Clues, kind: str) -> Iterator[PostingRow]:
    first = clues.session - _ACTIONS_WITHIN
    for action in clues.actions:
        is_known = action["symbol"] in clues.currencies
        if action["kind"] == kind and is_known and first <= action["ex_date"] <= clues.session:
            yield action


def _is_booked(
    clues: Clues, kind: str, named_in: str, action: PostingRow, amount: Decimal | None = None
) -> bool:
    # Not every broker says which security paid a dividend.
    start = end_of_session(action["ex_date"] - timedelta(days=2))
    return any(
        row["kind"] == kind
        and (
            row[named_in] == action["symbol"]
            or (row[named_in] is None and row["quantity"] == amount)
        )
        and row["occurred_at"] >= start
        for each in clues.transactions
        for row in each
    )


def _taken_back(clues: Clues, transaction: Transaction, cause: Cause, what: str) -> Finding:
    first = _ordered(transaction)[0]
    return Finding(
        evidence=f"transaction {first['transaction_id'][:12]}",
        account_id=clues.account_id,
        cause=cause,
        source="books",
        description=f"{what}: {_in_words(first)}.",
        effects=_negated_sums(transaction),
        reverse=tuple(transaction),
    )


def _negated_sums(rows: Transaction) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["commodity"]] = sums.get(row["commodity"], ZERO) - row["quantity"]
    return sums


def _ordered(transaction: Transaction) -> list[PostingRow]:
    return sorted(
        transaction, key=lambda row: (row["unit_cost"] is None, row["commodity"], row["quantity"])
    )


def _row(kind: str, commodity: str, quantity: Decimal, concerns: str | None = None) -> PostingRow:
    return {
        "kind": kind,
        "commodity": commodity,
        "quantity": to_amount(quantity),
        "concerns": concerns,
    }


def _in_words(row: PostingRow) -> str:
    return (
        f"{row['kind'].replace('_', ' ')} {row['quantity'].normalize():+f} {row['commodity']} of"
        f" {row['occurred_at']:%Y-%m-%d}"
    )
