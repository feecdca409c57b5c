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
from ballast.trading.gate import Answer, judge, stopped_by
from ballast.trading.orders import OrderIntent
from resources.orders import OrderBookMovedError

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

    def place(self, intent: OrderIntent) -> Placed:
        """Carry an order to the broker exactly once, if the gate lets it.

        One that may have been sent before is asked about first; it is judged again before it is sent again.
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
            for _ in range(_MOST_JUDGEMENTS):
                revision = book.revision(intent.account_id)
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

    def settle(self, account_id: str) -> list[Placed]:
        """Learn what became of the account's open orders; returns those of which that is still not known.

        An order that the broker never saw and that was decided for an earlier session is given up: a later session
        decides anew.
        """
        in_doubt = []
        for intent in self.run.workspace.orders.unresolved(account_id):
            placed = self._settle(intent)
            if placed is not None:
                in_doubt.append(placed)
        return in_doubt

    def _settle(self, intent: OrderIntent) -> Placed | None:
        book, broker = self.run.workspace.orders, self.run.workspace.broker(intent.account_id)
        name = intent.client_order_id
        progress = book.progress(name)
        is_of_earlier_session = intent.session < self.run.session
        try:
            never_sent = progress is not None and progress.state == "intent"
            if not never_sent and book.ask(intent, broker) is not None:
                return None
        except BrokerUnavailableError as error:
            return Placed(name, "unknown", error.what)
        except OrderRefusedError as error:
            return Placed(name, "unknown", f"{error.what}: {error.remedy}")
        if is_of_earlier_session:
            book.expire(name, f"the broker never saw it, and session {intent.session} is over")
        return None

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
