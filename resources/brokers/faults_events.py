"""What happens at a broker by itself when a script says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from ballast.books.broker_events import (
    BrokerEvent,
    CashKind,
    CashMovement,
    ConversionEvent,
    ExchangeFill,
    Fill,
    FillKind,
    SplitEvent,
    TransferEvent,
)
from ballast.money import ZERO, multiply, to_amount
from resources.brokers.faults import EventFault, Fault


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes: what the account holds just before, when it is, and what the security is quoted in."""

    held: Mapping[str, Decimal]
    moment: datetime
    currency_of: Callable[[str], str]


def events_of(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    """Return what an event of a script does to an account; nothing where it has nothing to act on."""
    return _EVENTS[fault.kind](fault, scene)  # type: ignore[index]


def whole(quantity: Decimal, share: Decimal) -> Decimal:
    """Return a share of some units, without a fraction where they have none."""
    part = multiply(quantity, share)
    return part.to_integral_value(ROUND_DOWN) if quantity == quantity.to_integral_value() else part


def _cash(kind: CashKind, sign: int) -> _Maker:
    def make(fault: Fault, scene: Scene) -> list[BrokerEvent]:
        amount = sign * _given(fault.amount)
        return [
            CashMovement(
                fault.fault_id, fault.account_id, kind, _named(fault.currency), amount,
                scene.moment, symbol=fault.symbol,
            )
        ]  # fmt: skip

    return make


def _exchange(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    source, target = _named(fault.currency), _named(fault.other)
    return [
        ExchangeFill(
            fault.fault_id, fault.account_id, source, _given(fault.amount), target,
            _given(fault.other_amount), ZERO, source, scene.moment,
        )
    ]  # fmt: skip


def _split(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol = _named(fault.symbol)
    held = scene.held.get(symbol, ZERO)
    added = to_amount(whole(held, _given(fault.factor)) - held)
    if added == ZERO:
        return []
    return [SplitEvent(fault.fault_id, fault.account_id, symbol, added, scene.moment)]


def _spin_off(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol, other = _named(fault.symbol), _named(fault.other)
    arriving = whole(scene.held.get(symbol, ZERO), _given(fault.factor))
    if arriving == ZERO:
        return []
    return [
        ConversionEvent(
            fault.fault_id, fault.account_id, "spin_off", symbol, ZERO, other, arriving,
            fault.basis_share, scene.moment,
        )
    ]  # fmt: skip


def _symbol_change(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol, other = _named(fault.symbol), _named(fault.other)
    held = scene.held.get(symbol, ZERO)
    if held == ZERO:
        return []
    return [
        ConversionEvent(
            fault.fault_id, fault.account_id, "symbol_change", symbol, -held, other, held,
            Decimal(1), scene.moment,
        )
    ]  # fmt: skip


def _transfer(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol = _named(fault.symbol)
    currency = fault.currency or scene.currency_of(symbol)
    return [
        TransferEvent(
            fault.fault_id, fault.account_id, symbol, _given(fault.quantity), scene.moment,
            cost_basis=fault.amount, currency=currency,
        )
    ]  # fmt: skip


def _manual_trade(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    return [_fill(fault, scene, _named(fault.symbol), _given(fault.quantity), _given(fault.price))]


def _liquidation(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol = _named(fault.symbol)
    held = scene.held.get(symbol, ZERO)
    size = abs(held) if fault.quantity is None else min(abs(held), abs(fault.quantity))
    if size == ZERO:
        return []
    closing = -size.copy_sign(held)
    return [_fill(fault, scene, symbol, closing, _given(fault.price), "liquidation")]


def _exercise(kind: FillKind) -> _Maker:
    def make(fault: Fault, scene: Scene) -> list[BrokerEvent]:
        option, stock = _named(fault.symbol), _named(fault.other)
        quantity, units = _given(fault.quantity), _given(fault.other_amount)
        return [
            _fill(fault, scene, option, quantity, ZERO, kind, ".option"),
            _fill(fault, scene, stock, units, _given(fault.price), kind, ".stock"),
        ]

    return make


def _expiry(fault: Fault, scene: Scene) -> list[BrokerEvent]:
    symbol = _named(fault.symbol)
    held = scene.held.get(symbol, ZERO)
    return [] if held == ZERO else [_fill(fault, scene, symbol, -held, ZERO, "expiry")]


def _fill(
    fault: Fault,
    scene: Scene,
    symbol: str,
    quantity: Decimal,
    price: Decimal,
    kind: FillKind = "trade",
    leg: str = "",
) -> Fill:
    currency = scene.currency_of(symbol)
    return Fill(
        fault.fault_id + leg, fault.account_id, symbol, quantity, price, currency, ZERO, currency,
        scene.moment, kind=kind,
    )  # fmt: skip


def _given(value: Decimal | None) -> Decimal:
    if value is None:
        raise ValueError("a number that the kind of fault needs is missing")
    return value


def _named(value: str | None) -> str:
    if value is None:
        raise ValueError("a name that the kind of fault needs is missing")
    return value


_Maker = Callable[[Fault, Scene], list[BrokerEvent]]
_EVENTS: Mapping[EventFault, _Maker] = {
    "fee": _cash("fee", -1),
    "interest": _cash("interest", 1),
    "dividend": _cash("dividend", 1),
    "withholding_tax": _cash("withholding_tax", -1),
    "deposit": _cash("deposit", 1),
    "withdrawal": _cash("withdrawal", -1),
    "correction": _cash("adjustment", 1),
    "exchange": _exchange,
    "split": _split,
    "spin_off": _spin_off,
    "symbol_change": _symbol_change,
    "transfer": _transfer,
    "manual_trade": _manual_trade,
    "liquidation": _liquidation,
    "assignment": _exercise("assignment"),
    "exercise": _exercise("exercise"),
    "expiry": _expiry,
}
