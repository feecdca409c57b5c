"""Corporate actions as events, whichever format they came in.

The broker tells them in one sentence, "ABC(US0000000001) Split 4 for 1 (ABC, ABC INC, US0000000001)": the security
before, what happened, and the security that the row is about. One action may take several rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from ballast.books.broker_events import (
    BrokerEvent,
    CashMovement,
    ConversionEvent,
    Fill,
    SplitEvent,
)
from ballast.books.statements.cells import (
    RowRefusedError,
    currency_code,
    moment,
    optional_number,
)
from ballast.books.statements.draft import Draft
from ballast.books.statements.rows import Row
from ballast.money import ZERO, divide

ActionKind = Literal["cash", "split", "spin_off", "merger", "symbol_change"]

_SENTENCE = re.compile(
    r"(?P<from_symbol>[^()]+?) ?\([^()]*\) (?P<action>.+) \((?P<symbol>[^,()]+),.*\)\s*"
)
_LONGEST = 1_000
# In this order: a spin-off may be paid as a dividend in stock.
_KIND_OF_WORDS: tuple[tuple[str, ActionKind], ...] = (
    ("cash in lieu", "cash"),
    ("delisted", "cash"),
    ("spinoff", "spin_off"),
    ("spin-off", "spin_off"),
    ("split", "split"),
    ("stock dividend", "split"),
    ("merged", "merger"),
    ("merger", "merger"),
    ("cusip/isin change", "symbol_change"),
    ("symbol change", "symbol_change"),
    ("name change", "symbol_change"),
)
# The broker gives the paper that was replaced this suffix until the exchange is done.
_REPLACED = ".OLD"
NOT_UNDERSTOOD = "corporate_action_not_understood"


@dataclass(frozen=True)
class ActionFacts:
    """One row about a corporate action.

    Parameters
    ----------
    action_id : str or None
        The broker's identifier of the action; rows of one action share it.
    """

    line: int
    text: str
    action_id: str | None
    currency: str
    at: datetime
    from_symbol: str
    action: str
    symbol: str
    quantity: Decimal
    proceeds: Decimal
    description: str

    @property
    def kind(self) -> ActionKind | None:
        """What happened, as far as its words tell."""
        words = self.action.casefold()
        if "revers" in words.replace("reverse split", "") or "cancel" in words:
            return None
        return next((kind for word, kind in _KIND_OF_WORDS if word in words), None)


def sentence(description: str) -> tuple[str, str, str]:
    """Return the security before, what happened to it, and the security that the row is about."""
    match = None if len(description) > _LONGEST else _SENTENCE.fullmatch(description)
    if match is None:
        raise RowRefusedError(NOT_UNDERSTOOD)
    symbol = match["symbol"].strip()
    return match["from_symbol"].removesuffix(_REPLACED), match["action"], symbol


def book_actions(rows: Sequence[ActionFacts], draft: Draft) -> None:
    """Add corporate actions to a statement and settle their rows."""
    groups: dict[tuple[object, ...], list[ActionFacts]] = defaultdict(list)
    for row in rows:
        key = row.action_id or (row.at, row.from_symbol, row.action)
        groups[row.kind, key].append(row)
    for group in groups.values():
        try:
            events = _events(group, draft)
        except RowRefusedError as error:
            for row in group:
                draft.quarantine(row.line, "Corporate Actions", error.rule, row.text)
            continue
        draft.events.extend(events)
        if events:
            draft.imported(len(group))
        else:
            draft.skipped("corporate action without effect", len(group))


def read_actions(rows: list[Row], draft: Draft) -> None:
    """Settle all rows of the section of an activity statement."""
    actions = []
    for row in rows:
        try:
            first = row.cells[0] if row.cells else ""
            if row.kind in {"Total", "SubTotal"} or first.startswith("Total"):
                draft.skipped("total of corporate actions")
                continue
            actions.append(_facts(row, draft))
        except RowRefusedError as error:
            draft.quarantine(row.line, row.section, error.rule, row.text)
    book_actions(actions, draft)


def _facts(row: Row, draft: Draft) -> ActionFacts:
    description = row.required("Description")
    at = moment(row.required("Date/Time", "Report Date"))
    draft.refuse_outside_period(at, may_be_late=True)
    from_symbol, action, symbol = sentence(description)
    return ActionFacts(
        line=row.line,
        text=row.text,
        action_id=None,
        currency=currency_code(row.required("Currency")),
        at=at,
        from_symbol=from_symbol,
        action=action,
        symbol=symbol,
        quantity=optional_number(row.cell("Quantity")) or ZERO,
        proceeds=optional_number(row.cell("Proceeds")) or ZERO,
        description=description,
    )


def _events(group: list[ActionFacts], draft: Draft) -> list[BrokerEvent]:
    kind = group[0].kind
    if kind is None:
        raise RowRefusedError(NOT_UNDERSTOOD)
    if kind == "cash":
        return [event for row in group for event in _cash(row, draft)]
    if kind == "spin_off":
        return [event for row in group for event in _spin_off(row, draft)]
    before = [row for row in group if _current(row) == group[0].from_symbol]
    after = [row for row in group if row not in before]
    quantity_before = sum((row.quantity for row in before), ZERO)
    if not after and kind == "merger":
        # Bought out for cash: units go and money comes.
        return [event for row in before for event in _cash(row, draft)]
    events: list[BrokerEvent] = []
    if after:
        events.append(_conversion(group, quantity_before, after, draft))
    elif kind == "split" and quantity_before != ZERO:
        head = group[0]
        event_id, account_id = _event_id(group, draft), draft.account_id
        events.append(
            SplitEvent(
                event_id, account_id, head.from_symbol, quantity_before, head.at, head.description
            )
        )
    elif quantity_before != ZERO:
        raise RowRefusedError(NOT_UNDERSTOOD)
    paid = [row for row in group if row.proceeds != ZERO]
    return [*events, *(_payment(row, draft) for row in paid)]


def _current(row: ActionFacts) -> str:
    return row.symbol.removesuffix(_REPLACED)


def _conversion(
    group: list[ActionFacts], quantity_before: Decimal, after: list[ActionFacts], draft: Draft
) -> ConversionEvent:
    arrived = {_current(row) for row in after}
    quantity_after = sum((row.quantity for row in after), ZERO)
    is_one_to_one = len(arrived) == 1 and quantity_before * quantity_after < ZERO
    if not is_one_to_one:
        raise RowRefusedError(NOT_UNDERSTOOD)
    head = group[0]
    return ConversionEvent(
        event_id=_event_id(group, draft),
        account_id=draft.account_id,
        kind="merger" if head.kind == "merger" else "symbol_change",
        from_symbol=head.from_symbol,
        from_quantity=quantity_before,
        to_symbol=arrived.pop(),
        to_quantity=quantity_after,
        basis_share=Decimal(1),
        occurred_at=head.at,
        description=head.description,
    )


def _spin_off(row: ActionFacts, draft: Draft) -> list[BrokerEvent]:
    if _current(row) == row.from_symbol or row.quantity == ZERO:
        raise RowRefusedError(NOT_UNDERSTOOD)
    return [
        ConversionEvent(
            event_id=_event_id([row], draft),
            account_id=draft.account_id,
            kind="spin_off",
            from_symbol=row.from_symbol,
            from_quantity=ZERO,
            to_symbol=_current(row),
            to_quantity=row.quantity,
            basis_share=None,
            occurred_at=row.at,
            description=row.description,
        )
    ]


def _cash(row: ActionFacts, draft: Draft) -> list[BrokerEvent]:
    if row.quantity == ZERO:
        return [_payment(row, draft)] if row.proceeds != ZERO else []
    if row.proceeds * row.quantity > ZERO:
        raise RowRefusedError("proceeds_contradict_quantity")
    return [
        Fill(
            fill_id=_event_id([row], draft),
            account_id=draft.account_id,
            symbol=_current(row),
            quantity=row.quantity,
            price=divide(abs(row.proceeds), abs(row.quantity)),
            currency=row.currency,
            fee=ZERO,
            fee_currency=row.currency,
            filled_at=row.at,
            kind="cash_in_lieu",
            proceeds=row.proceeds,
            description=row.description,
        )
    ]


def _payment(row: ActionFacts, draft: Draft) -> CashMovement:
    """Return cash beside units; it is no income of a security that goes on, so it lowers the basis."""
    return CashMovement(
        movement_id=_event_id([row], draft, "payment"),
        account_id=draft.account_id,
        kind="return_of_capital",
        currency=row.currency,
        amount=row.proceeds,
        occurred_at=row.at,
        symbol=_current(row),
        description=row.description,
    )


def _event_id(group: list[ActionFacts], draft: Draft, what: str = "") -> str:
    head = group[0]
    if head.action_id is not None:
        name = "-".join(filter(None, (head.action_id, _current(group[-1]), what)))
        return draft.ids.named(name)
    facts = sorted((row.symbol, row.quantity, row.proceeds) for row in group)
    details = [detail for fact in facts for detail in fact]
    return draft.ids.of("Corporate Actions", head.at, head.from_symbol, head.action, *details, what)
