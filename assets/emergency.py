"""The repair of negative cash, round by round: ask the broker, decide, act, ask again.

What an episode has done is in the store, as orders and as its timeline, so that a run takes up where another stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import polars as pl

from assets.emergency_situation import Emergency
from assets.order_desk import BLOCKED, OrderDesk, Placed
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError, MissingRateError, OrderRefusedError
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO, to_amount
from ballast.trading.costs import Costs
from ballast.trading.emergency import Round, Situation, next_actions, proposal, shortfalls
from ballast.trading.orders import OrderIntent, client_order_id
from ballast.trading.termination import most_rounds
from resources.orders import OrderBookMovedError
from resources.recommendations import EMERGENCY

NOT_SHORT = "not short of cash"
REPAIRED = "repaired"
ADVISED = "advised"
SETTLED = (NOT_SHORT, REPAIRED)
_CAME_TO_NOTHING = ("rejected", "cancelled", "expired")
# Rounds that another process spoils by ordering at the same time.
_MOST_COLLISIONS = 20
# What stops every order of the account alike: trying others helps nothing.
_OF_THE_ACCOUNT = ("mode", "kill_switch", "account")


@dataclass(frozen=True)
class Repair:
    """What happened to one account: an outcome, why in words, and in research mode the advice that was stored."""

    outcome: str
    why: str = ""
    advice: tuple[Mapping[str, Any], ...] = ()

    @property
    def said(self) -> str:
        """The outcome and why, in a line."""
        return f"{self.outcome}: {self.why}" if self.why else self.outcome


@dataclass(frozen=True)
class _Step:
    side: str
    symbol: str
    quantity: Decimal
    price: Decimal
    reason: str


def repair(run: SessionRun) -> dict[str, Repair]:
    """Repair every account; one that cannot be asked is `unavailable` and leaves the others untouched."""
    (rates,) = run.read("exchange_rates")
    costs, desk = Costs(run.workspace.portfolio.costs, Rates.of(rates)), OrderDesk(run)
    reports = {}
    for account_id in run.workspace.brokers:
        emergency = Emergency(run, account_id, desk.facts, costs)
        try:
            reports[account_id] = _repair_account(emergency, desk)
        except MissingRateError as error:
            reports[account_id] = Repair("unknown", f"{error.what}. {error.remedy}")
        except BrokerUnavailableError as error:
            reports[account_id] = Repair("unavailable", error.what)
        except OrderRefusedError as error:
            reports[account_id] = Repair("in doubt", f"{error.what}. {error.remedy}")
    return reports


def _repair_account(emergency: Emergency, desk: OrderDesk) -> Repair:
    run, account_id = emergency.run, emergency.account_id
    is_research = run.workspace.portfolio.mode == "research"
    if not is_research:
        _finish_open_orders(emergency, desk)
    episode = run.workspace.episodes.current(account_id)
    revision = run.workspace.orders.revision(account_id)
    situation = emergency.situation(episode, frozenset())
    if not _missing(situation):
        return _end_episode(emergency)
    if episode is None:
        episode = run.workspace.episodes.open(account_id, run.session)
        _note(emergency, episode, "opened", situation, _in_words(_missing(situation)))
    if is_research:
        return _advise(emergency, episode, situation)
    refused = emergency.refused_so_far(episode)
    situation = replace(situation, refused=refused)
    for _ in range(most_rounds(situation) + 1 + _MOST_COLLISIONS):
        decided = next_actions(situation, emergency.costs, emergency.policy)
        if decided.outcome == "repaired":
            return _end_episode(emergency)
        if decided.outcome != "act":
            _note(emergency, episode, decided.outcome, situation, decided.why)
            return Repair(decided.outcome, decided.why)
        try:
            for step in _steps(decided):
                placed = _place(emergency, desk, episode, step, situation, revision)
                if placed.stopped_by in _OF_THE_ACCOUNT:
                    return Repair("stopped", f"{placed.stopped_by}: {placed.detail}")
                if _came_to_nothing(emergency, placed):
                    refused |= {step.symbol}
                revision = run.workspace.orders.revision(account_id)
        except OrderBookMovedError:
            # Somebody else has ordered since: whatever was decided may be done already.
            pass
        revision = run.workspace.orders.revision(account_id)
        situation = emergency.situation(episode, refused)
    return Repair("unfinished", "more rounds than it can take; this is a defect")


def _came_to_nothing(emergency: Emergency, placed: Placed) -> bool:
    """Say whether an order was stopped for what it is, or ended without a fill."""
    if placed.state == BLOCKED:
        return True
    progress = emergency.run.workspace.orders.progress(placed.client_order_id)
    return placed.state in _CAME_TO_NOTHING and (progress is None or not progress.fills)


def _end_episode(emergency: Emergency) -> Repair:
    run, account_id = emergency.run, emergency.account_id
    run.workspace.recommendations.dismiss_emergency(account_id)
    episode = run.workspace.episodes.current(account_id)
    if episode is None:
        return Repair(NOT_SHORT)
    run.workspace.episodes.record(
        episode, run.session, "repaired", ZERO, "No balance is below its minimum any more."
    )
    run.workspace.episodes.close(episode, run.session, REPAIRED)
    return Repair(REPAIRED)


def _advise(emergency: Emergency, episode: str, situation: Situation) -> Repair:
    run = emergency.run
    decided = proposal(situation, emergency.costs, emergency.policy)
    rows = [
        {
            "recommendation_id": f"{episode}:{run.session}:{number}",
            "account_id": emergency.account_id,
            "origin": EMERGENCY,
            "origin_id": episode,
            "session": run.session,
            "step": number,
            "side": step.side,
            "symbol": step.symbol,
            "quantity": step.quantity,
            "reason": step.reason,
            "weight_before": None,
            "weight_after": None,
            "inputs_hash": run.workspace.portfolio.fingerprint(),
            "status": "pending",
        }
        for number, step in enumerate(_steps(decided), 1)
    ]
    run.workspace.recommendations.store_emergency(episode, rows)
    if rows:
        words = ", ".join(
            f"{step.side} {step.quantity.normalize():f} {step.symbol}" for step in _steps(decided)
        )
        _note(emergency, episode, "advised", situation, f"Advised: {words}.")
    shown = tuple(
        {key: row[key] for key in ("account_id", "step", "side", "symbol", "quantity", "reason")}
        for row in rows
    )
    if not rows:
        _note(emergency, episode, decided.outcome, situation, decided.why)
    return Repair(ADVISED if rows else decided.outcome, decided.why, shown)


def _steps(decided: Round) -> list[_Step]:
    exchanges = [
        _Step(
            "exchange",
            exchange.pair,
            exchange.from_amount,
            to_amount(exchange.rate),
            f"{exchange.from_currency} has cash to spare and {exchange.to_currency} has too little.",
        )
        for exchange in decided.exchanges
    ]
    sales = [
        _Step(
            "sell",
            sale.symbol,
            sale.quantity,
            sale.price,
            "No other currency covers what is missing."
            + (f" Stated cost: {sale.cost.total:.2f}." if sale.cost is not None else ""),
        )
        for sale in decided.sales
    ]
    return [*exchanges, *sales]


def _place(
    emergency: Emergency,
    desk: OrderDesk,
    episode: str,
    step: _Step,
    situation: Situation,
    revision: int,
) -> Placed:
    run = emergency.run
    intent = OrderIntent(
        # With the symbol, so that an order that is stopped in every run keeps its name.
        client_order_id=client_order_id(
            emergency.account_id,
            f"{episode}.{step.symbol}",
            _orders_so_far(emergency, episode) + 1,
        ),
        account_id=emergency.account_id,
        origin=EMERGENCY,
        origin_id=episode,
        session=run.session,
        side=step.side,
        symbol=step.symbol,
        quantity=step.quantity,
        price=step.price,
        reason=step.reason,
    )
    placed = desk.place(intent, decided_on=revision)
    said = (placed.detail or "").rstrip(".")
    became = f"{placed.state}: {said}" if said else placed.state
    _note(
        emergency,
        episode,
        BLOCKED if placed.state == BLOCKED else step.side,
        situation,
        f"{step.side} {step.quantity.normalize():f} {step.symbol} — {became}. {step.reason}",
        intent.client_order_id,
    )
    return placed


def _orders_so_far(emergency: Emergency, episode: str) -> int:
    orders = emergency.run.workspace.orders.table(emergency.account_id)
    return orders.filter(pl.col("origin_id") == episode).height


def _finish_open_orders(emergency: Emergency, desk: OrderDesk) -> None:
    """Finish what an interrupted run may have sent, and drop what it surely did not: that is decided anew."""
    desk.settle(emergency.account_id)
    for intent in emergency.run.workspace.orders.unresolved(emergency.account_id):
        if intent.origin == EMERGENCY:
            desk.place(intent)


def _note(
    emergency: Emergency,
    episode: str,
    phase: str,
    situation: Situation,
    words: str,
    order: str | None = None,
) -> None:
    rates, base = emergency.costs.rates, emergency.base_currency
    missing: Decimal | None = None
    with suppress(MissingRateError):
        missing = sum(
            (rates.convert(amount, name, base) for name, amount in _missing(situation).items()),
            ZERO,
        )
    emergency.run.workspace.episodes.record(
        episode, emergency.run.session, phase, missing, words, order
    )


def _missing(situation: Situation) -> dict[str, Decimal]:
    return shortfalls(situation.balances, situation.minimums)


def _in_words(missing: Mapping[str, Decimal]) -> str:
    amounts = ", ".join(f"{amount:.2f} {currency}" for currency, amount in missing.items())
    return f"Missing: {amounts}."
