"""One run of the drill in a process of its own: withdraw, order, repair; then look whether broker and books agree."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy.engine import Connection

from assets.emergency import repair
from assets.order_desk import OrderDesk
from assets.session_run import SessionRun
from assets.sync import import_events
from ballast.configuration import Portfolio
from ballast.errors import BrokerUnavailableError
from ballast.money import CENT, ZERO, floor_to_multiple, multiply
from ballast.trading.orders import OPEN_STATES, OrderIntent, client_order_id
from pipelines.drill.script import Drill, Wish
from pipelines.drill.workspace import DrillWorkspace
from resources.recommendations import EMERGENCY
from resources.store import Store
from resources.workspace import Workspace

PERSON = "person"
# Buffers, fees and rounding are less than this.
_AMPLE = Decimal("1.10")


@dataclass(frozen=True)
class Findings:
    """What a run found when it looked; empty lists are good."""

    orders: int = 0
    stopped: int = 0
    in_doubt: int = 0
    repairs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()


@dataclass
class Death:
    """Counts the steps of the store and the broker, and kills the process at one of them."""

    at: int | None
    steps: int = field(default=0)

    def step(self) -> None:
        """Count a step; at the chosen one the process is gone, and nothing is cleaned up."""
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, store: Store) -> None:
        """Count each transaction: before it begins, before it is committed, and after."""
        write = store.write

        @contextmanager
        def counted() -> Iterator[Connection]:
            self.step()
            with write() as connection:
                yield connection
                self.step()
            self.step()

        store.write = counted  # type: ignore[method-assign]


def rehearse(portfolio: Portfolio, folder: Path, drill: Drill, dies_at: int | None) -> Findings:
    """Carry out one run and say what it found; a run that died is carried out again without dying."""
    workspace = DrillWorkspace(portfolio, folder)
    Death(dies_at).watch(workspace.store)
    run = SessionRun(workspace, drill.session, f"drill-{drill.number}")
    import_events(run)
    desk = OrderDesk(run)
    for account in workspace.brokers:
        desk.settle(account)
    for account, share in drill.withdrawals:
        _withdraw(run, account, share, drill.number)
    stopped = 0
    for wish in drill.wishes:
        intent = _order(run, wish)
        if intent is not None:
            stopped += desk.place(intent).stopped_by is not None
    needs = {account: need_of(run, account) for account, _ in drill.withdrawals}
    repairs = repair(run) if drill.withdrawals else {}
    needless = tuple(
        item for account in needs for item in needless_sales(run, account, needs[account])
    )
    import_events(run)
    in_doubt = sum(len(desk.settle(account)) for account in workspace.brokers)
    in_doubt += workspace.orders.table().filter(pl.col("state") == "intent").height
    outcomes = tuple(
        report.outcome for account, report in repairs.items() if account in dict(drill.withdrawals)
    )
    seen = Findings(stopped=stopped, in_doubt=in_doubt, repairs=outcomes, needless=needless)
    return judge(run, seen)


def judge(run: SessionRun, found: Findings) -> Findings:
    """Compare our orders and books with what the broker itself has, whatever its reports said."""
    workspace = run.workspace
    truth = workspace.paper
    orders = workspace.orders.table()
    ours = {row["client_order_id"]: row for row in orders.iter_rows(named=True)}
    lost, doubled, differences = [], [], []
    for name, row in ours.items():
        status = truth.status(row["account_id"], name)
        filled = ZERO if status is None else sum((_units(fill) for fill in status.fills), ZERO)
        if filled > row["quantity"]:
            doubled.append(f"{name}: {_plain(filled)} of {_plain(row['quantity'])} filled")
        if status is None and row["state"] in {"accepted", "partially_filled", "filled"}:
            lost.append(f"{name} is {row['state']} here and unknown there")
        if row["state"] not in {"submitted", "unknown"} and filled != row["filled"]:
            lost.append(f"{name}: {_plain(row['filled'])} filled here, {_plain(filled)} there")
    for name in _at_broker(workspace) - set(ours):
        doubled.append(f"{name} is at the broker and not ours")
    for account in workspace.brokers:
        differences += _differences(run, account)
    return replace(
        found,
        orders=len(ours),
        lost=tuple(lost),
        doubled=tuple(doubled),
        differences=tuple(differences),
    )


@dataclass(frozen=True)
class Need:
    """What is missing and what is free in an account before its repair, in euros, and the orders so far."""

    missing: Decimal
    free: Decimal
    orders: frozenset[str]


def need_of(run: SessionRun, account: str) -> Need:
    """Look at an account by the broker's own book; with open orders nothing counts as free."""
    rates = run.workspace.paper.market.rates(run.session)
    values = [
        rates.convert(amount, currency, "EUR")
        for currency, amount in run.workspace.paper.balances(account, run.session).items()
    ]
    orders = run.workspace.orders.table(account)
    is_open = not orders.filter(pl.col("state").is_in(OPEN_STATES)).is_empty()
    free = ZERO if is_open else sum((value for value in values if value > ZERO), ZERO)
    missing = -sum((value for value in values if value < ZERO), ZERO)
    return Need(missing, free, frozenset(orders["client_order_id"]))


def needless_sales(run: SessionRun, account: str, need: Need) -> list[str]:
    """Return the sales of a repair that had cash enough, and whose exchanges all came to something."""
    orders = run.workspace.orders.table(account).filter(
        (pl.col("origin") == EMERGENCY) & ~pl.col("client_order_id").is_in(list(need.orders))
    )
    failed = orders.filter((pl.col("side") == "exchange") & (pl.col("filled") < pl.col("quantity")))
    if need.free < multiply(need.missing, _AMPLE) or not failed.is_empty():
        return []
    sales = orders.filter(pl.col("side") == "sell")
    return [
        f"{row['client_order_id']} with {need.free:.2f} EUR free for {need.missing:.2f}"
        for row in sales.iter_rows(named=True)
    ]


def _withdraw(run: SessionRun, account: str, share: Decimal, number: int) -> None:
    balances = run.workspace.paper.balances(account, run.session)
    currency, most = max(balances.items(), key=lambda item: item[1])
    reference = f"drill-{number}-{account}"
    known = {
        event.movement_id
        for event in run.workspace.paper.cash_movements_since(account, None, run.session)
        if hasattr(event, "movement_id")
    }
    if most > ZERO and reference not in known:
        amount = floor_to_multiple(multiply(most, share), CENT)
        run.workspace.paper.move_cash(account, currency, -amount, run.session, reference)


def _order(run: SessionRun, wish: Wish) -> OrderIntent | None:
    """Return the order of a wish: the one that was written before, or a new one from what is held now."""
    workspace = run.workspace
    name = client_order_id(wish.account_id, f"{PERSON}-drill-{wish.number}", 1)
    written = workspace.orders.table(wish.account_id).filter(pl.col("client_order_id") == name)
    if not written.is_empty():
        fields = written.select(OrderIntent.model_fields.keys()).row(0, named=True)
        return OrderIntent(**fields)
    try:
        what = _chosen(run, wish)
    except BrokerUnavailableError:
        return None
    if what is None:
        return None
    symbol, quantity = what
    return OrderIntent(
        client_order_id=name,
        account_id=wish.account_id,
        origin=PERSON,
        origin_id=f"drill-{wish.number}",
        session=run.session,
        side=wish.side,
        symbol=symbol,
        quantity=quantity,
    )


def _chosen(run: SessionRun, wish: Wish) -> tuple[str, Decimal] | None:
    workspace = run.workspace
    broker = workspace.broker(wish.account_id)
    listed = {s.symbol: s for s in workspace.portfolio.securities}
    if wish.side == "exchange":
        balances = broker.balances(wish.account_id, run.session)
        funded = sorted(name for name, amount in balances.items() if amount > 100)
        others = sorted(set(workspace.portfolio.currencies) - set(funded[:1]))
        if not funded or not others:
            return None
        source = funded[wish.choice % len(funded)]
        targets = [name for name in workspace.portfolio.currencies if name != source]
        amount = floor_to_multiple(multiply(balances[source], wish.part), CENT)
        return f"{source}/{targets[wish.choice % len(targets)]}", amount
    held = {
        p.symbol: p.quantity
        for p in broker.positions(wish.account_id, run.session)
        if p.symbol in listed and p.quantity > ZERO
    }
    if not held:
        return None
    symbol = sorted(held)[wish.choice % len(held)]
    lot = listed[symbol].lot_size
    quantity = max(floor_to_multiple(multiply(held[symbol], wish.part), lot), lot)
    return symbol, quantity


def _differences(run: SessionRun, account: str) -> list[str]:
    """Return where the sum of our postings is not what the broker holds, to the last digit."""
    truth = run.workspace.paper
    theirs = {
        **{p.symbol: p.quantity for p in truth.positions(account, run.session)},
        **truth.balances(account, run.session),
    }
    ledger = run.workspace.ledger.read(run.session).filter(pl.col("account_id") == account)
    ours: dict[str, Decimal] = {}
    for commodity, quantity in ledger.select("commodity", "quantity").iter_rows():
        ours[commodity] = ours.get(commodity, ZERO) + quantity
    return [
        f"{account} {name}: {_plain(ours.get(name, ZERO))} here, {_plain(theirs.get(name, ZERO))} there"
        for name in sorted({*ours, *theirs})
        if ours.get(name, ZERO) != theirs.get(name, ZERO)
    ]


def _at_broker(workspace: Workspace) -> set[str]:
    import sqlalchemy as sa

    from resources.store.schema import paper_orders

    with workspace.store.read() as connection:
        return set(connection.scalars(sa.select(paper_orders.c.client_order_id)))


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _units(fill: Any) -> Decimal:
    """Return the units of a fill as the order counts them."""
    quantity: Decimal = fill.from_amount if hasattr(fill, "from_amount") else abs(fill.quantity)
    return quantity
