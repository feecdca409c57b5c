"""What happened at a broker, and what of it is told: when events come in, and when the whole activity is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill, moment_of, symbols_of
from ballast.books.statements.effects import cash_changes, quantity_changes
from ballast.money import ZERO, multiply, to_amount, to_cents
from resources.brokers.faults import EVENT_FAULTS, REPORT_FAULTS, Fault, FaultKind, Told
from resources.brokers.faults_events import Scene, events_of, whole
from resources.brokers.paper_book import moment_of as moment_on

# Hour (UTC) at which a script strikes: after the orders of a day.
_FAULTS_HOUR = 21


@dataclass(frozen=True)
class Happening:
    """One event in the broker's own book.

    Parameters
    ----------
    fault : Fault or None
        What the script does to it, or what it is there by.
    comes : tuple of BrokerEvent
        What comes in of it; where nothing is wrong, the event itself.
    comes_on : date
        First session on which that comes in.
    told : Told
        Whether the activity tells of it.
    """

    event: BrokerEvent
    fault: Fault | None
    comes: tuple[BrokerEvent, ...]
    comes_on: date
    told: Told = "activity"


def happenings(
    events: Sequence[BrokerEvent],
    script: Sequence[Fault],
    session: date,
    currency_of: Callable[[str], str],
) -> list[Happening]:
    """Lay the faults of one account over what happened in it, up to the end of a session, in order.

    Parameters
    ----------
    events : sequence of BrokerEvent
        Everything up to the end of the session.
    script : sequence of Fault
        Of this account; later ones are ignored.
    currency_of : callable
        Quotation currency by symbol.
    """
    due = [fault for fault in script if fault.session <= session]
    unsettled = [fault for fault in due if fault.kind == "pending_settlement"]
    settling = [_settling(event, unsettled) for event in events]
    taken = _taken([fault for fault in due if fault.kind in REPORT_FAULTS], settling)
    told = [
        happening
        for number, event in enumerate(settling)
        for happening in _told(event, taken.get(number))
    ]
    by_itself = [fault for fault in due if fault.kind in EVENT_FAULTS]
    told += _by_itself(by_itself, [each.event for each in told], currency_of)
    return sorted(told, key=lambda each: moment_of(each.event))


def is_sale_of(event: BrokerEvent, fault: Fault) -> bool:
    """Say whether an event is a sale of a fault's session and, if it names one, of its security."""
    is_sale = isinstance(event, Fill) and event.quantity < ZERO
    return is_sale and _is_of(event, fault)


def _settling(event: BrokerEvent, unsettled: Iterable[Fault]) -> BrokerEvent:
    for fault in unsettled:
        if isinstance(event, Fill) and is_sale_of(event, fault):
            return replace(event, settled_on=fault.until)
    return event


def _taken(faults: Iterable[Fault], events: Sequence[BrokerEvent]) -> dict[int, Fault]:
    """Return the fault of each event, by the event's number."""
    taken: dict[int, Fault] = {}
    for fault in faults:
        for number, event in enumerate(events):
            if number not in taken and _may_take(fault, event):
                taken[number] = fault
                break
    return taken


def _may_take(fault: Fault, event: BrokerEvent) -> bool:
    if not _is_of(event, fault):
        return False
    match event:
        case Fill():
            is_meant = fault.kind != "lost_movement"
        case ExchangeFill():
            is_meant = fault.kind in _OF_EXCHANGES and fault.symbol is not None
        case _:
            is_meant = fault.kind == "lost_movement"
    return is_meant and (fault.kind in _WHOLE or _reported(event, fault) != (event,))


def _is_of(event: BrokerEvent, fault: Fault) -> bool:
    if moment_of(event).date() != fault.session:
        return False
    if isinstance(event, ExchangeFill):
        return fault.symbol in {None, f"{event.from_currency}/{event.to_currency}"}
    return fault.symbol is None or fault.symbol in symbols_of(event)


def _told(event: BrokerEvent, fault: Fault | None) -> list[Happening]:
    day = moment_of(event).date()
    if fault is None:
        return [Happening(event, None, (event,), day)]
    if fault.kind == "lost_remainder" and isinstance(event, Fill):
        first, rest = _two_parts(event, fault)
        return [
            Happening(first, fault, (first,), day),
            Happening(rest, fault, (), day, fault.told),
        ]
    comes_on = day if fault.until is None else fault.until
    return [Happening(event, fault, _reported(event, fault), comes_on, fault.told)]


def _reported(event: BrokerEvent, fault: Fault) -> tuple[BrokerEvent, ...]:
    """Return what comes in of an event; the event itself where the fault has nothing to change in it."""
    match fault.kind:
        case "lost_fill" | "lost_movement":
            return ()
        case "doubled_fill" if isinstance(event, Fill | ExchangeFill):
            return event, replace(event, fill_id=f"{event.fill_id}.again")
        case kind if kind in _CHANGES and isinstance(event, Fill):
            return (_CHANGES[kind](event, fault.factor or Decimal(1)),)
        case _:
            return (event,)


def _by_itself(
    faults: Iterable[Fault], events: Sequence[BrokerEvent], currency_of: Callable[[str], str]
) -> list[Happening]:
    book = sorted(events, key=moment_of)
    told: list[Happening] = []
    numbers: dict[date, int] = {}
    for fault in sorted(faults, key=lambda each: each.session):
        number = numbers[fault.session] = numbers.get(fault.session, -1) + 1
        moment = moment_on(fault.session, _FAULTS_HOUR, number)
        before = [event for event in book if moment_of(event) < moment]
        held = quantity_changes([*before, *(each.event for each in told)])
        for event in events_of(fault, Scene(held, moment, currency_of)):
            comes = (event,) if fault.told == "everywhere" else ()
            told.append(Happening(event, fault, comes, fault.session, fault.told))
    return told


def _two_parts(fill: Fill, fault: Fault) -> tuple[Fill, Fill]:
    """Split an execution in two that together move what it moved."""
    first = _part(fill, fault.factor or Decimal(1))
    proceeds = cash_changes([replace(fill, fee=ZERO)])[fill.currency]
    share = to_cents(-multiply(first.quantity, fill.price))
    rest = replace(
        fill,
        fill_id=f"{fill.fill_id}.rest",
        quantity=to_amount(fill.quantity - first.quantity),
        proceeds=proceeds - share,
        fee=fill.fee - first.fee,
    )
    return replace(first, proceeds=share), rest


def _part(fill: Fill, factor: Decimal) -> Fill:
    quantity = to_amount(whole(fill.quantity, factor))
    if quantity in {ZERO, fill.quantity}:
        return fill
    fee = to_cents(multiply(fill.fee, factor))
    return replace(fill, quantity=quantity, proceeds=None, fee=fee)


def _mirrored(fill: Fill, _factor: Decimal) -> Fill:
    proceeds = None if fill.proceeds is None else -fill.proceeds
    return replace(fill, quantity=-fill.quantity, proceeds=proceeds)


def _priced_otherwise(fill: Fill, factor: Decimal) -> Fill:
    return replace(fill, price=multiply(fill.price, factor), proceeds=None)


def _charged_otherwise(fill: Fill, factor: Decimal) -> Fill:
    return replace(fill, fee=to_cents(multiply(fill.fee, factor)))


_OF_EXCHANGES = ("lost_fill", "late_fill", "doubled_fill")
# What comes in is the event as it is, and the fault is in something else.
_WHOLE = ("late_fill",)
_CHANGES: Mapping[FaultKind, Callable[[Fill, Decimal], Fill]] = {
    "partial_fill": _part,
    "lost_remainder": _part,
    "wrong_sign": _mirrored,
    "wrong_price": _priced_otherwise,
    "wrong_fee": _charged_otherwise,
}
