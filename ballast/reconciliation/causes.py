"""Why a figure of the books differs from the broker's: every cause with what it means and what to do.

A cause needs evidence; what no evidence accounts for is `unexplained`, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Cause = Literal[
    "missed_fill", "duplicate_fill", "partial_fill", "wrong_sign", "manual_trade",
    "broker_liquidation", "assignment", "exercise", "expiry", "slippage", "gap", "fee", "dividend",
    "withholding_tax", "interest", "fx_conversion", "deposit_or_withdrawal", "transfer", "split",
    "corporate_action", "pending_settlement", "rounding", "broker_correction", "unknown_booking",
    "consequence", "unexplained",
]  # fmt: skip

NONE = "none"
UNEXPLAINED: Cause = "unexplained"
CONSEQUENCE: Cause = "consequence"
# The price of a fill is this far from the expected one: the market jumped over it.
GAP_SHARE = "0.05"


@dataclass(frozen=True)
class CauseFacts:
    """What a cause means, and what a person does about it."""

    meaning: str
    remedy: str


_ACCEPT = "Check the evidence and accept the proposal."

CAUSES: Mapping[Cause, CauseFacts] = {
    "missed_fill": CauseFacts("An order was filled and the books do not know it.", _ACCEPT),
    "duplicate_fill": CauseFacts("One event was booked twice, under two names.", _ACCEPT),
    "partial_fill": CauseFacts("The broker filled another part of an order than was booked.", _ACCEPT),
    "wrong_sign": CauseFacts("A purchase was booked as a sale, or the other way round.", _ACCEPT),
    "manual_trade": CauseFacts(
        "A trade that no order of ours asked for.",
        "Ask who traded; accept the proposal when it was meant, and call the broker when it was not.",
    ),
    "broker_liquidation": CauseFacts(
        "The broker closed a position by itself.",
        "Look at margin and cash at the broker at once; then accept the proposal.",
    ),
    "assignment": CauseFacts("A sold option was assigned.", _ACCEPT),
    "exercise": CauseFacts("An option was exercised.", _ACCEPT),
    "expiry": CauseFacts("An option expired.", _ACCEPT),
    "slippage": CauseFacts("A fill was booked at another price than the broker's.", _ACCEPT),
    "gap": CauseFacts(
        "A fill was booked at a price five percent or more from the broker's.",
        "See whether the order was meant at that price; then accept the proposal.",
    ),
    "fee": CauseFacts("A fee or commission is missing or differs.", _ACCEPT),
    "dividend": CauseFacts("A dividend is missing or differs.", _ACCEPT),
    "withholding_tax": CauseFacts("A tax withheld is missing or differs.", _ACCEPT),
    "interest": CauseFacts("Interest is missing or differs.", _ACCEPT),
    "fx_conversion": CauseFacts("An exchange of currency is missing or differs.", _ACCEPT),
    "deposit_or_withdrawal": CauseFacts("Cash came or went from outside.", _ACCEPT),
    "transfer": CauseFacts(
        "Securities came or went without a trade.",
        "Accept the proposal; an unknown basis stays unknown until you give it.",
    ),
    "split": CauseFacts("A split is missing or differs.", _ACCEPT),
    "corporate_action": CauseFacts("A merger, spin-off, change of symbol or the like is missing.", _ACCEPT),
    "pending_settlement": CauseFacts(
        "The broker counts cash when it settles, the books when it is traded.",
        "Nothing: it goes away on the settlement day.",
    ),
    "rounding": CauseFacts(
        "Cash differs by no more than the rounding of the postings can add up to.",
        "Nothing where rounding is accepted by itself; else accept the proposal.",
    ),
    "broker_correction": CauseFacts("The broker corrected its own books.", _ACCEPT),
    "unknown_booking": CauseFacts(
        "The books hold what the broker says never happened.",
        "Find where it came from; accept the proposal to take it back.",
    ),
    "consequence": CauseFacts(
        "It follows from another difference of the same account.",
        "Resolve that one; this one goes with it.",
    ),
    "unexplained": CauseFacts(
        "No evidence accounts for it.",
        "Ask the broker before you accept the proposal: it books the difference, not the reason.",
    ),
}  # fmt: skip

# What the broker reports and the books lack, by the kind of its posting.
CAUSE_OF_KIND: Mapping[str, Cause] = {
    "trade": "missed_fill",
    "commission": "fee",
    "fee": "fee",
    "deposit": "deposit_or_withdrawal",
    "withdrawal": "deposit_or_withdrawal",
    "dividend": "dividend",
    "payment_in_lieu": "dividend",
    "withholding_tax": "withholding_tax",
    "interest": "interest",
    "exchange": "fx_conversion",
    "transfer": "transfer",
    "split": "split",
    "cash_in_lieu": "corporate_action",
    "spin_off": "corporate_action",
    "return_of_capital": "corporate_action",
    "merger": "corporate_action",
    "symbol_change": "corporate_action",
    "assignment": "assignment",
    "exercise": "exercise",
    "expiry": "expiry",
    "bucket_transfer": "transfer",
    "adjustment": "broker_correction",
    "basis_restatement": "broker_correction",
}
