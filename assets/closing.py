"""Carrying out what acting guards decided: ask the broker, decide, write it down, order, write down the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import polars as pl

from assets.order_desk import BLOCKED, OrderDesk
from assets.session_run import SessionRun
from ballast.errors import BrokerUnavailableError, OrderRefusedError
from ballast.guards.closing import (
    Acting,
    Close,
    Holding,
    acting_guards,
    attempt_id,
    close_of,
    closes,
)
from ballast.money import AMOUNT
from ballast.trading.orders import OrderIntent
from resources.guards import CLOSED, FAILED, GUARD, ORDERED, PROPOSED, WAITING

CLOSE_SCHEMA = pl.Schema({
    "account_id": pl.String(), "guard": pl.String(), "symbol": pl.String(), "side": pl.String(),
    "quantity": AMOUNT, "state": pl.String(), "detail": pl.String(),
})  # fmt: skip
_OF_STATE = {"filled": CLOSED, "rejected": FAILED, "cancelled": FAILED, "expired": FAILED}
# What only a person can change; any other layer of the gate may let the next attempt through.
_FOR_A_PERSON = ("mode", "kill_switch")


@dataclass(frozen=True)
class CloseReport:
    """What became of one close in this run."""

    account_id: str
    guard: str
    symbol: str
    side: str
    quantity: Decimal | None
    state: str
    detail: str | None = None


def carry_out(run: SessionRun, status: pl.DataFrame) -> list[CloseReport]:
    """Close, or propose to close, what the guards ask for in every account.

    An account whose broker cannot be asked fails by itself. Advice of guards that no longer ask for it is dismissed.
    """
    acting = {
        account: list(guards)
        for account, guards in groupby(acting_guards(status), key=lambda guard: guard.account_id)
    }
    reports = []
    for account_id in run.workspace.brokers:
        guards = acting.get(account_id, [])
        if not guards or not run.workspace.portfolio.guards.close_positions:
            run.workspace.guards.propose(account_id, [])
            continue
        try:
            reports += _carry_out(run, account_id, guards)
        except BrokerUnavailableError as error:
            reports.append(
                CloseReport(account_id, guards[0].guard, "*", "", None, FAILED, error.what)
            )
    return reports


def _carry_out(run: SessionRun, account_id: str, guards: list[Acting]) -> list[CloseReport]:
    stopped = _why_only_proposed(run, account_id)
    if run.workspace.portfolio.mode != "research":
        OrderDesk(run).settle(account_id)
    reports = [] if stopped else _finish_open_orders(run, account_id)
    known = run.workspace.guards.states(account_id)
    done = {report.symbol for report in reports if report.state == WAITING}
    wanted = [
        close
        for close in closes(guards, _holdings(run, account_id), _busy(run, account_id))
        if known.get(close.close_id) != CLOSED and close.symbol not in done
    ]
    possible = [close for close in wanted if close.why_not is None]
    reports += [
        _written(run, close, FAILED, detail=close.why_not)
        for close in wanted
        if close.why_not is not None
    ]
    if stopped is None:
        run.workspace.guards.propose(account_id, [])
        return reports + [_order(run, close) for close in possible]
    run.workspace.guards.propose(account_id, _advice(run, possible))
    return reports + [_written(run, close, PROPOSED, detail=stopped) for close in possible]


def _why_only_proposed(run: SessionRun, account_id: str) -> str | None:
    if run.workspace.portfolio.mode == "research":
        return "research mode only advises"
    switch = run.workspace.kill_switch.state(account_id)
    if not switch.lets_through(GUARD):
        return f"the kill switch is tripped: {switch.reason}"
    return None


def _finish_open_orders(run: SessionRun, account_id: str) -> list[CloseReport]:
    """Learn what became of the orders that an earlier run wrote, before anything new is decided.

    A close that turns out refused is left out here: what is still held is decided anew.
    """
    log = run.workspace.guards.close_log(account_id)
    guards = dict(log.select("close_id", "guard").iter_rows())
    reports = []
    for intent in run.workspace.orders.unresolved(account_id):
        if intent.origin != GUARD:
            continue
        close_id = close_of(intent.client_order_id)
        close = Close(
            close_id, account_id, guards.get(close_id, GUARD), intent.origin_id, intent.symbol,
            intent.side, intent.quantity, "an order of an earlier run",
        )  # fmt: skip
        report = _sent(run, close, intent)
        if report.state != FAILED:
            reports.append(report)
    return reports


def _order(run: SessionRun, close: Close) -> CloseReport:
    return _sent(run, close, _intent(run, close))


def _sent(run: SessionRun, close: Close, intent: OrderIntent) -> CloseReport:
    written = {"client_order_id": intent.client_order_id}
    run.workspace.guards.record(close, run.session, ORDERED, **written)
    try:
        placed = OrderDesk(run).place(intent)
    except OrderRefusedError as error:
        return _written(run, close, FAILED, detail=error.what, **written)
    if placed.state == BLOCKED:
        state = PROPOSED if placed.stopped_by in _FOR_A_PERSON else FAILED
        return _written(run, close, state, detail=placed.detail)
    # Of an order that may have arrived the next run asks what became of it.
    state = _OF_STATE.get(placed.state, WAITING)
    return _written(run, close, state, detail=placed.detail, **written)


def _intent(run: SessionRun, close: Close) -> OrderIntent:
    """Return the order of the next attempt; only one that was refused for good leads to another."""
    earlier = run.workspace.orders.table(close.account_id).filter(pl.col("origin") == GUARD)
    attempts = [name for name in earlier["client_order_id"] if close_of(name) == close.close_id]
    return OrderIntent(
        client_order_id=attempt_id(close.close_id, len(attempts) + 1),
        account_id=close.account_id,
        origin=GUARD,
        origin_id=close.episode,
        session=run.session,
        side=close.side,
        symbol=close.symbol,
        quantity=close.quantity,
    )


def _holdings(run: SessionRun, account_id: str) -> list[Holding]:
    (prices,) = run.read("prices")
    usable = set(prices.filter(~pl.col("blocks_planning"))["symbol"])
    lots = {s.symbol: s.lot_size for s in run.workspace.portfolio.securities if s.allow_sell}
    return [
        Holding(held.symbol, held.quantity, lots.get(held.symbol), held.symbol in usable)
        for held in run.workspace.broker(account_id).positions(account_id, run.session)
    ]


def _busy(run: SessionRun, account_id: str) -> frozenset[str]:
    """Return the securities with an order of somebody else that may still be filled."""
    at_broker = run.workspace.broker(account_id).open_orders(account_id)
    ours = run.workspace.orders.unresolved(account_id)
    own = {intent.client_order_id for intent in ours if intent.origin == GUARD}
    others = [intent.symbol for intent in ours if intent.origin != GUARD]
    return frozenset(
        [*others, *(order.symbol for order in at_broker if order.client_order_id not in own)]
    )


def _advice(run: SessionRun, possible: list[Close]) -> list[dict[str, object]]:
    return [
        {
            "recommendation_id": f"{close.close_id}:{run.session}",
            "account_id": close.account_id,
            "origin": GUARD,
            "origin_id": close.episode,
            "session": run.session,
            "step": number,
            "side": close.side,
            "symbol": close.symbol,
            "quantity": close.quantity,
            "reason": close.reason,
            "weight_before": None,
            "weight_after": None,
            "inputs_hash": run.workspace.portfolio.fingerprint(),
            "status": "pending",
        }
        for number, close in enumerate(possible, 1)
    ]


def _written(
    run: SessionRun,
    close: Close,
    state: str,
    *,
    detail: str | None,
    client_order_id: str | None = None,
) -> CloseReport:
    run.workspace.guards.record(
        close, run.session, state, client_order_id=client_order_id, detail=detail
    )
    return CloseReport(
        close.account_id, close.guard, close.symbol, close.side, close.quantity, state, detail
    )
