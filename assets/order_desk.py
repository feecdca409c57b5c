"""The one path of every order, from a plan, a person, a guard or an emergency: the gate, then the broker.

An order is judged on what the published tables, the store and the broker say at that moment; every answer is kept. If
another process writes an order of the account between the judgement and the writing, it is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from assets.gate_facts import GateFacts
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError, OrderRefusedError
from ballast.trading.gate import EMERGENCY_ORIGINS, Answer, judge, stopped_by
from ballast.trading.orders import OrderIntent
from resources.orders import OrderBookMovedError
from resources.recommendations import PLAN

_MOST_JUDGEMENTS = 10
BLOCKED = "blocked"


@dataclass(frozen=True)
class Placed:
    """What became of an order: `blocked`, or its state; `detail` says why.

    Parameters
    ----------
    stopped_by : str, optional
        Layer of the gate that stopped it.
    """

    client_order_id: str
    state: str
    detail: str | None = None
    stopped_by: str | None = None


@dataclass(frozen=True)
class OrderDesk:
    """Places the orders of one run."""

    run: SessionRun

    @cached_property
    def facts(self) -> GateFacts:
        """What the gate is told."""
        return GateFacts(self.run)

    def place(self, intent: OrderIntent, *, decided_on: int | None = None) -> Placed:
        """Carry an order to the broker exactly once, if the gate lets it.

        One that may have been sent before is asked about first; it is judged again before it is sent again.

        Parameters
        ----------
        decided_on : int, optional
            `OrderBook.revision` of the account on which the order was decided.

        Raises
        ------
        OrderBookMovedError
            If the account's orders have changed since it was decided; nothing was written.
        OrderRefusedError
            If the broker contradicts itself, or another order was written under this id.
        """
        book, broker = self.run.workspace.orders, self.run.workspace.broker(intent.account_id)
        name = intent.client_order_id
        try:
            known = book.progress(name)
            if known is not None and known.is_final:
                status = book.place(intent, broker)
                return Placed(name, status.state, status.detail)
            if known is not None and known.state != "intent":
                told = book.ask(intent, broker)
                if told is not None:
                    return self._placed(intent, told.detail)
                if known.is_cancel_requested:
                    return self._placed(intent, "it was cancelled before it arrived")
            for _ in range(_MOST_JUDGEMENTS):
                revision = book.revision(intent.account_id)
                if known is None and decided_on not in {None, revision}:
                    raise OrderBookMovedError(
                        "other orders of the account have changed since it was decided",
                        where=name,
                        remedy="Decide again on what is known now.",
                    )
                stop = self._judge(intent)
                if stop is not None:
                    return Placed(name, BLOCKED, stop.reason, stop.layer)
                dated = intent.model_copy(update={"decided_at": self.facts.clock.moment})
                try:
                    status = book.place(dated, broker, expecting=revision)
                except OrderBookMovedError:
                    continue
                return self._placed(intent, status.detail)
        except BrokerUnavailableError as error:
            progress = book.progress(name)
            return Placed(name, BLOCKED if progress is None else progress.state, error.what)
        return Placed(name, BLOCKED, "Other orders of the account keep coming.", "duplicate")

    def settle(self, account_id: str, *, unsent_too: bool = False) -> list[Placed]:
        """Learn what became of the account's open orders; returns those of which that is still not known.

        An order that the broker never saw and that was decided for an earlier session is given up: a later session
        decides anew. So is one that was surely not sent and that nobody waits for any more.

        Parameters
        ----------
        unsent_too : bool
            Also give up every other order that was written and surely not sent.
        """
        in_doubt = []
        for intent in self.run.workspace.orders.unresolved(account_id):
            placed = self._settle(intent, unsent_too=unsent_too)
            if placed is not None:
                in_doubt.append(placed)
        return in_doubt

    def _settle(self, intent: OrderIntent, *, unsent_too: bool) -> Placed | None:
        book, broker = self.run.workspace.orders, self.run.workspace.broker(intent.account_id)
        name = intent.client_order_id
        try:
            is_wanted = not unsent_too and self._is_awaited(intent)
            if not is_wanted and book.give_up(name, "it was never sent, and nobody waits for it"):
                return None
            progress = book.progress(name)
            never_sent = progress is not None and progress.state == "intent"
            if not never_sent and book.ask(intent, broker) is not None:
                return None
        except BrokerUnavailableError as error:
            return Placed(name, "unknown", error.what)
        except OrderRefusedError as error:
            return Placed(name, "unknown", f"{error.what}: {error.remedy}")
        if intent.session < self.run.session:
            book.expire(name, f"the broker never saw it, and session {intent.session} is over")
            return None
        return None if never_sent else Placed(name, "unknown", "the broker does not know it yet")

    def _is_awaited(self, intent: OrderIntent) -> bool:
        """Say whether somebody will place an order that was not sent: repairs and guards decide anew instead."""
        if intent.origin in EMERGENCY_ORIGINS:
            return False
        if intent.origin != PLAN:
            return True
        pending = self.run.workspace.recommendations.of(intent.account_id, PLAN)
        return any(row["origin_id"] == intent.origin_id for row in pending)

    def _judge(self, intent: OrderIntent) -> Answer | None:
        portfolio = self.run.workspace.portfolio
        facts = self.facts.of(intent)
        answers = judge(intent, facts, portfolio.trading, portfolio.guards)
        self.run.workspace.gate_log.record(intent, answers, facts.moment)
        return stopped_by(answers)

    def _placed(self, intent: OrderIntent, detail: str | None) -> Placed:
        progress = self.run.workspace.orders.progress(intent.client_order_id)
        state = "unknown" if progress is None else progress.state
        return Placed(intent.client_order_id, state, detail)
