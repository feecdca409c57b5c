"""Faults that a broker is made to have, by a script: what each kind is called, needs and does.

A script is a list of faults, each with an id, an account, a session and a kind. Four families:

- *reports*: what the broker did comes into the books otherwise than it was, or not at all. They act on the executions
  of their session: each on the first that no earlier fault of the script has taken, and that has its `symbol` if it
  names one (FROM/TO for an exchange of currency).
- *events*: something happens at the broker by itself. It changes positions, cash, lots and equity there; where it is
  told is said by `told`: `activity` (only when the whole activity is asked for, not while events come in; the default),
  `nowhere`, or `everywhere`, which is no fault at all but an account that just goes on living.
- *answers*: the broker answers a question wrongly or not at all, from its session until the session `until`.
- *orders*: an order of its session is lost, refused, delayed or filled in part. Each acts on the first order that no
  other fault has taken, and that has its `symbol` if it names one.

A fault that finds nothing to act on does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from ballast.money import ZERO

ReportFault = Literal[
    "lost_fill", "late_fill", "doubled_fill", "partial_fill", "lost_remainder", "wrong_sign",
    "wrong_price", "wrong_fee", "lost_movement",
]  # fmt: skip
EventFault = Literal[
    "fee", "interest", "dividend", "withholding_tax", "deposit", "withdrawal", "correction",
    "exchange", "split", "spin_off", "symbol_change", "transfer", "manual_trade", "liquidation",
    "assignment", "exercise", "expiry",
]  # fmt: skip
AnswerFault = Literal["pending_settlement", "wrong_average", "wrong_lots", "unreachable"]
OrderFault = Literal[
    "order_request_lost", "order_answer_lost", "order_rejected", "order_partial", "order_cut",
    "order_delayed", "repeated_fill", "session_expired", "rate_limited",
]  # fmt: skip
FaultKind = Literal[ReportFault, EventFault, AnswerFault, OrderFault]
Told = Literal["everywhere", "activity", "nowhere"]
Question = Literal[
    "positions", "balances", "lots", "equity", "fills", "movements", "activity", "orders"
]

QUESTIONS: tuple[Question, ...] = get_args(Question)
REPORT_FAULTS: tuple[ReportFault, ...] = get_args(ReportFault)
EVENT_FAULTS: tuple[EventFault, ...] = get_args(EventFault)
ORDER_FAULTS: tuple[OrderFault, ...] = get_args(OrderFault)


@dataclass(frozen=True)
class KindFacts:
    """What a kind of fault does, which columns it needs beside the first four, and which it may have."""

    meaning: str
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


_HIDDEN = ("told",)
_CASH = ("amount", "currency")
_OPTION = ("symbol", "quantity", "other", "other_amount", "price")

FAULT_KINDS: Mapping[FaultKind, KindFacts] = {
    "lost_fill": KindFacts("A fill never comes in.", may=("symbol", "told")),
    "late_fill": KindFacts("A fill comes in on `until` only.", ("until",), ("symbol",)),
    "doubled_fill": KindFacts("A fill comes in twice, under two ids.", may=("symbol",)),
    "partial_fill": KindFacts("`factor` of the units come in.", ("factor",), ("symbol",)),
    "lost_remainder": KindFacts(
        "The order is filled in two parts; the first, `factor` of it, comes in.",
        ("factor",),
        ("symbol", "told"),
    ),
    "wrong_sign": KindFacts("A purchase comes in as a sale, or the reverse.", may=("symbol",)),
    "wrong_price": KindFacts("A fill comes in at `factor` × its price.", ("factor",), ("symbol",)),
    "wrong_fee": KindFacts("A fill comes in with `factor` × its fee.", ("factor",), ("symbol",)),
    "lost_movement": KindFacts(
        "What the broker itself books without a trade (dividend, split, deposit) never comes in.",
        may=("symbol", "told"),
    ),
    "fee": KindFacts("The broker charges a fee.", _CASH, _HIDDEN),
    "interest": KindFacts("Interest; negative when it is charged.", _CASH, _HIDDEN),
    "dividend": KindFacts("A dividend of `symbol`.", (*_CASH, "symbol"), _HIDDEN),
    "withholding_tax": KindFacts("Tax on a dividend of `symbol`.", (*_CASH, "symbol"), _HIDDEN),
    "deposit": KindFacts("Cash comes from outside.", _CASH, _HIDDEN),
    "withdrawal": KindFacts("Cash goes outside.", _CASH, _HIDDEN),
    "correction": KindFacts("The broker corrects a cash balance; signed.", _CASH, _HIDDEN),
    "exchange": KindFacts(
        "`amount` of `currency` become `other_amount` of the currency `other`.",
        (*_CASH, "other", "other_amount"),
        _HIDDEN,
    ),
    "split": KindFacts("One unit of `symbol` becomes `factor`.", ("symbol", "factor"), _HIDDEN),
    "spin_off": KindFacts(
        "`factor` units of `other` come for one of `symbol`, with `basis_share` of its basis.",
        ("symbol", "other", "factor"),
        ("basis_share", "told"),
    ),
    "symbol_change": KindFacts("All of `symbol` becomes `other`.", ("symbol", "other"), _HIDDEN),
    "transfer": KindFacts(
        "`quantity` of `symbol` come or go without a trade; `amount` is the basis of what comes.",
        ("symbol", "quantity"),
        ("amount", "currency", "told"),
    ),
    "manual_trade": KindFacts(
        "The owner trades at the broker.", ("symbol", "quantity", "price"), _HIDDEN
    ),
    "liquidation": KindFacts(
        "The broker closes a position, or `quantity` of it.",
        ("symbol", "price"),
        ("quantity", "told"),
    ),
    "assignment": KindFacts(
        "`quantity` of the option `symbol` go for `other_amount` of the stock `other` at `price`.",
        _OPTION,
        _HIDDEN,
    ),
    "exercise": KindFacts("The same, because the owner wants it.", _OPTION, _HIDDEN),
    "expiry": KindFacts("The option `symbol` ends worthless.", ("symbol",), _HIDDEN),
    "pending_settlement": KindFacts(
        "What sales of the session brought is in the balances from `until` on.",
        ("until",),
        ("symbol",),
    ),
    "wrong_average": KindFacts(
        "The average price is reported as `factor` × the true one.",
        ("symbol", "factor"),
        ("until",),
    ),
    "wrong_lots": KindFacts(
        "The basis of each lot is reported as `factor` × the true one.",
        ("symbol", "factor"),
        ("until",),
    ),
    "unreachable": KindFacts(
        "The account cannot be asked; of some `questions` only, if they are named.",
        may=("until", "questions"),
    ),
    "order_request_lost": KindFacts(
        "An order does not arrive, and the call times out; sent again it does.", may=("symbol",)
    ),
    "order_answer_lost": KindFacts(
        "An order arrives, but the call times out; asked again the broker knows it.",
        may=("symbol",),
    ),
    "order_rejected": KindFacts("An order is rejected.", may=("symbol",)),
    "order_partial": KindFacts(
        "`factor` of an order is filled at once, the rest on `until`.",
        ("factor", "until"),
        ("symbol",),
    ),
    "order_cut": KindFacts(
        "`factor` of an order is filled, the rest is cancelled.", ("factor",), ("symbol",)
    ),
    "order_delayed": KindFacts(
        "An order is accepted, and filled on `until` only.", ("until",), ("symbol",)
    ),
    "repeated_fill": KindFacts(
        "Each fill of an order is told twice, under the same id.", may=("symbol",)
    ),
    "session_expired": KindFacts("The first call about orders fails: the login has expired."),
    "rate_limited": KindFacts(
        "The first `quantity` calls about orders fail: too many requests.", ("quantity",)
    ),
}
_ALWAYS = ("fault_id", "account_id", "session", "kind")
_POSITIVE = ("price", "factor", "other_amount")
# Amounts of these are what comes or goes, as the name says; their sign is not written.
_UNSIGNED = ("fee", "dividend", "withholding_tax", "deposit", "withdrawal", "exchange", "transfer")
# A part of something, and not all of it.
_PARTS = ("partial_fill", "lost_remainder", "order_partial", "order_cut")


@dataclass(frozen=True)
class Fault:
    """One line of a script.

    Parameters
    ----------
    session : date
        When it happens.
    symbol, other : str, optional
        The security that it is about, and the one (or the currency) that comes of it.
    quantity, price, amount, currency, other_amount, factor, basis_share : optional
        As `FAULT_KINDS` says. An amount is positive where the kind says which way it goes. `other_amount` is signed for
        an assignment or exercise.
    until : date, optional
        First session on which it is over; for an answer that stays wrong None, for `unreachable` the next day.
    told : Told
        Where an event, or a fill that was lost, is told.
    questions : tuple of Question
        What cannot be asked; everything if empty.

    Raises
    ------
    ValueError
        If a value is missing, of no use to the kind, or out of its range.
    """

    fault_id: str
    account_id: str
    session: date
    kind: FaultKind
    symbol: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    other: str | None = None
    other_amount: Decimal | None = None
    factor: Decimal | None = None
    basis_share: Decimal | None = None
    until: date | None = None
    told: Told = "activity"
    questions: tuple[Question, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the kind cannot mean."""
        facts = FAULT_KINDS.get(self.kind)
        if facts is None:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(FAULT_KINDS)}")
        given = {
            name: value
            for field in fields(self)
            if (value := getattr(self, name := field.name)) != field.default and name not in _ALWAYS
        }
        if missing := [name for name in facts.needs if name not in given]:
            raise ValueError(f"a fault {self.kind!r} needs {', '.join(missing)}")
        if useless := [name for name in given if name not in (*facts.needs, *facts.may)]:
            raise ValueError(f"a fault {self.kind!r} has no use for {', '.join(useless)}")
        self._refuse_ranges()

    def is_on(self, session: date) -> bool:
        """Say whether a fault of the answers holds on a session."""
        if self.until is None and self.kind == "unreachable":
            return session == self.session
        return self.session <= session and (self.until is None or session < self.until)

    def _refuse_ranges(self) -> None:
        signed = ("other_amount",) if self.kind in {"assignment", "exercise"} else ()
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and (value == ZERO or (value < ZERO and name not in signed)):
                raise ValueError(f"{name} {value} is not positive")
        if ZERO in (self.quantity, self.amount):
            raise ValueError("a quantity or amount of zero changes nothing")
        if self.kind in _UNSIGNED and self.amount is not None and self.amount < ZERO:
            raise ValueError(f"amount {self.amount} is not positive; the kind says its direction")
        if self.factor is not None and self.kind in _PARTS and self.factor > 1:
            raise ValueError(f"factor {self.factor} is more than all of it")
        if self.factor == 1 and self.kind != "spin_off":
            raise ValueError("a factor of 1 changes nothing")
        if self.until is not None and self.until <= self.session:
            raise ValueError(f"until {self.until} is not after the session {self.session}")
        if self.told not in get_args(Told):
            raise ValueError(f"told {self.told!r} is none of {', '.join(get_args(Told))}")
        if self.told == "everywhere" and self.kind not in EVENT_FAULTS:
            raise ValueError("what is told everywhere is not lost")
        if unknown := set(self.questions) - set(QUESTIONS):
            raise ValueError(f"questions {sorted(unknown)} are none of {', '.join(QUESTIONS)}")
