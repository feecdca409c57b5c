"""Faults that strike orders: requests and answers that are lost, parts, delays, refusals, sessions that expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Protocol

from ballast.errors import BrokerUnavailableError
from ballast.money import ZERO
from ballast.trading.orders import OrderIntent
from resources.brokers.fault_claims import FaultClaims
from resources.brokers.faults import ORDER_FAULTS, Fault
from resources.brokers.paper_orders import AT_ONCE, FillTerms
from resources.brokers.protocol import Broker, OrderStatus

_CONNECTION_FAULTS = ("session_expired", "rate_limited")


class TermedBroker(Broker, Protocol):
    """A broker that fills an order on the terms that a rehearsal gives it."""

    def submit(self, intent: OrderIntent, terms: FillTerms = AT_ONCE) -> OrderStatus:
        """Send a market order."""
        ...


@dataclass(frozen=True)
class OrderFaults:
    """Does to orders what the script says; each order is taken by at most one fault."""

    script: Sequence[Fault]
    claims: FaultClaims

    def submit(self, intent: OrderIntent, broker: TermedBroker) -> OrderStatus:
        """Send an order to the broker inside, and have its fault."""
        self.refuse_connection(intent.account_id, intent.session)
        fault = self._of(intent)
        if fault is None:
            return broker.submit(intent)
        if fault.kind == "order_request_lost" and self.claims.strike(fault.fault_id) == 1:
            raise _timeout(intent.client_order_id, fault)
        status = broker.submit(intent, _terms(fault))
        if fault.kind == "order_answer_lost" and self.claims.strike(fault.fault_id) == 1:
            raise _timeout(intent.client_order_id, fault)
        return self._told(status, fault)

    def answered(
        self, account_id: str, client_order_id: str, status: OrderStatus | None
    ) -> OrderStatus | None:
        """Return what is answered when somebody asks about an order."""
        self.refuse_connection(account_id, None)
        if status is None:
            return None
        taken = self.claims.claim(client_order_id, ())
        fault = next((fault for fault in self.script if fault.fault_id == taken), None)
        return self._told(status, fault)

    def _of(self, intent: OrderIntent) -> Fault | None:
        possible = [
            fault
            for fault in self.script
            if fault.kind in ORDER_FAULTS
            and fault.kind not in _CONNECTION_FAULTS
            and (fault.account_id, fault.session) == (intent.account_id, intent.session)
            and fault.symbol in {None, intent.symbol}
        ]
        if not possible:
            return None
        taken = self.claims.claim(intent.client_order_id, [fault.fault_id for fault in possible])
        return next((fault for fault in self.script if fault.fault_id == taken), None)

    def _told(self, status: OrderStatus, fault: Fault | None) -> OrderStatus:
        if fault is None or fault.kind != "repeated_fill":
            return status
        return replace(status, fills=status.fills * 2)

    def refuse_connection(self, account_id: str, session: date | None) -> None:
        """Refuse to answer while a session has expired or too much was asked; a question outside orders is free."""
        for fault in self.script:
            if fault.kind not in _CONNECTION_FAULTS or fault.account_id != account_id:
                continue
            calls, most = self.claims.calls(fault.fault_id), _refusals(fault)
            has_begun = calls > 0 if session is None else session == fault.session
            if has_begun and calls < most:
                self.claims.strike(fault.fault_id)
                what = "the session has expired" if most == 1 else "too many requests"
                raise BrokerUnavailableError(
                    f"{what} ({fault.fault_id})",
                    where=f"account {account_id}",
                    remedy="Nothing was sent; ask again later.",
                )


def _terms(fault: Fault) -> FillTerms:
    match fault.kind:
        case "order_rejected":
            return FillTerms(refusal=f"refused by the rehearsal ({fault.fault_id})")
        case "order_delayed":
            return FillTerms(ZERO, fault.until)
        case "order_partial" | "order_cut":
            return FillTerms(fault.factor or Decimal(1), fault.until)
        case _:
            return FillTerms()


def _refusals(fault: Fault) -> int:
    return 1 if fault.kind == "session_expired" else int(fault.quantity or 1)


def _timeout(client_order_id: str, fault: Fault) -> BrokerUnavailableError:
    return BrokerUnavailableError(
        f"no answer in time ({fault.fault_id})",
        where=client_order_id,
        remedy="Ask the broker what became of the order.",
    )
