"""The repair of negative cash, round by round: ask the broker, decide, act, ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO
from ballast.trading.costs import Costs
from ballast.trading.emergency import Round, Sellable, Situation, next_actions, proposal, shortfalls
from ballast.trading.orders import OrderIntent, client_order_id
from resources.brokers.protocol import Broker
from resources.kill_switch import OrderStoppedError
from resources.recommendations import EMERGENCY

# Each round covers a shortfall or sells something; far fewer are ever needed.
_MOST_ROUNDS = 25

NOT_SHORT = "not short of cash"
REPAIRED = "repaired"
ADVISED = "advised"
SETTLED = (NOT_SHORT, REPAIRED)


@dataclass(frozen=True)
class Repair:
    """What happened to one account: an outcome, and in research mode the advice that was stored."""

    outcome: str
    advice: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _Step:
    side: str
    symbol: str
    quantity: Decimal
    reason: str


def repair(run: SessionRun) -> dict[str, Repair]:
    """Repair every account; one that cannot be asked is `unavailable` and leaves the others untouched."""
    prices, rates = run.read("prices", "exchange_rates")
    costs = Costs(run.workspace.portfolio.costs, Rates.of(rates))
    reports = {}
    for account_id in run.workspace.brokers:
        try:
            reports[account_id] = _repair_account(run, account_id, prices, costs)
        except BrokerUnavailableError as error:
            reports[account_id] = Repair(f"unavailable: {error.what}")
        except OrderStoppedError as error:
            reports[account_id] = Repair(f"stopped: {error.what}")
    return reports


def _repair_account(run: SessionRun, account_id: str, prices: pl.DataFrame, costs: Costs) -> Repair:
    workspace = run.workspace
    broker = workspace.broker(account_id)
    if workspace.portfolio.mode == "paper":
        _finish_open_orders(run, account_id, broker)
    situation = _situation(run, account_id, broker, prices)
    if not shortfalls(situation.balances):
        return _end_episode(run, account_id)
    episode = workspace.episodes.open(account_id, run.session)
    if workspace.portfolio.mode == "research":
        return _advise(run, account_id, episode, situation, costs)
    for _ in range(_MOST_ROUNDS):
        decided = _decide(run, situation, costs)
        if decided.outcome == "repaired":
            return _end_episode(run, account_id)
        if decided.outcome != "act":
            return Repair(decided.outcome)
        refused = [step for step in _steps(decided) if not _place(run, account_id, episode, step)]
        if len(refused) == len(_steps(decided)):
            return Repair("refused by the broker: " + ", ".join(step.symbol for step in refused))
        situation = _situation(run, account_id, broker, prices)
    return Repair("unfinished")


def _end_episode(run: SessionRun, account_id: str) -> Repair:
    run.workspace.recommendations.dismiss_emergency(account_id)
    episode = run.workspace.episodes.current(account_id)
    if episode is None:
        return Repair(NOT_SHORT)
    run.workspace.episodes.close(episode, run.session, REPAIRED)
    return Repair(REPAIRED)


def _advise(
    run: SessionRun, account_id: str, episode: str, situation: Situation, costs: Costs
) -> Repair:
    buffer = run.workspace.portfolio.emergency.sell_buffer
    decided = proposal(situation, costs, sell_buffer=buffer)
    rows = [
        {
            "recommendation_id": f"{episode}:{run.session}:{number}",
            "account_id": account_id,
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
    shown = tuple(
        {key: row[key] for key in ("account_id", "step", "side", "symbol", "quantity", "reason")}
        for row in rows
    )
    return Repair(ADVISED if rows else decided.outcome, shown)


def _decide(run: SessionRun, situation: Situation, costs: Costs) -> Round:
    buffer = run.workspace.portfolio.emergency.sell_buffer
    return next_actions(situation, costs, sell_buffer=buffer)


def _situation(run: SessionRun, account_id: str, broker: Broker, prices: pl.DataFrame) -> Situation:
    open_orders = broker.open_orders(account_id)
    own = {intent.client_order_id for intent in run.workspace.orders.unresolved(account_id)}
    tradable = {
        row["symbol"]: row["price"]
        for row in prices.filter(~pl.col("blocks_planning")).iter_rows(named=True)
    }
    listed = {s.symbol: s for s in run.workspace.portfolio.securities}
    sellable = tuple(
        Sellable(
            position.symbol,
            position.quantity,
            tradable[position.symbol],
            position.currency,
            listed[position.symbol].lot_size,
        )
        for position in broker.positions(account_id, run.session)
        if position.symbol in tradable
        and listed[position.symbol].allow_sell
        and position.quantity > ZERO
    )
    return Situation(
        account_id,
        run.workspace.portfolio.base_currency_of(account_id),
        broker.balances(account_id, run.session),
        sellable,
        frozenset(order.symbol for order in open_orders),
        any(order.client_order_id in own for order in open_orders),
    )


def _steps(decided: Round) -> list[_Step]:
    exchanges = [
        _Step(
            "exchange",
            exchange.pair,
            exchange.from_amount,
            f"{exchange.to_currency} is negative; {exchange.from_currency} has cash to spare.",
        )
        for exchange in decided.exchanges
    ]
    sales = [
        _Step(
            "sell",
            sale.symbol,
            sale.quantity,
            "Cash is negative and no other currency can cover it; the largest holdings go first.",
        )
        for sale in decided.sales
    ]
    return [*exchanges, *sales]


def _place(run: SessionRun, account_id: str, episode: str, step: _Step) -> bool:
    placed = run.workspace.orders.table(account_id).filter(pl.col("origin_id") == episode).height
    intent = OrderIntent(
        client_order_id=client_order_id(account_id, episode, placed + 1),
        account_id=account_id,
        origin=EMERGENCY,
        origin_id=episode,
        session=run.session,
        side=step.side,
        symbol=step.symbol,
        quantity=step.quantity,
    )
    return run.workspace.orders.place(intent, run.workspace.broker(account_id)).state != "rejected"


def _finish_open_orders(run: SessionRun, account_id: str, broker: Broker) -> None:
    """Carry out what an interrupted run had decided and written, before anything new is decided."""
    for intent in run.workspace.orders.unresolved(account_id):
        if intent.origin == EMERGENCY:
            run.workspace.orders.place(intent, broker)
