"""Commands of orders: send one through the gate, list those of a session, settle what is stuck."""

from __future__ import annotations

import argparse
import sys
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from resources.workspace import Workspace

if TYPE_CHECKING:
    from assets.order_desk import Placed

_EXIT_PROBLEM = 1


def add_order_commands(commands: Any) -> None:
    """Add `order`, `orders`, `emergency` and `settle` to the command line."""
    order = commands.add_parser(
        "order", help="send one order through the gate (research mode sends nothing)"
    )
    order.add_argument("account")
    order.add_argument("side", choices=["buy", "sell", "exchange"])
    order.add_argument("symbol", help="security, or FROM/TO for an exchange")
    order.add_argument("quantity", help="units; for an exchange, amount of FROM")
    order.add_argument("--reason", required=True)
    order.add_argument("--by", required=True, help="who asks for it")
    order.add_argument("--request", default="", help="repeating one sends nothing")
    order.set_defaults(command=_order)
    orders = commands.add_parser(
        "orders", help="list the orders of a session, and what stopped others"
    )
    orders.add_argument("--session", type=date.fromisoformat, help="default: the newest run")
    orders.set_defaults(command=_orders)
    repair = commands.add_parser("emergency", help="run the emergency rebalance for a session")
    repair.add_argument("--session", type=date.fromisoformat)
    repair.set_defaults(command=_emergency)
    settle = commands.add_parser("settle", help="ask the brokers about open orders")
    settle.set_defaults(command=_settle)


def _order(workspace: Workspace, options: argparse.Namespace) -> int:
    from assets.order_desk import OrderDesk
    from pipelines.order_jobs import OrderRequest, order_of, order_run

    request = OrderRequest(
        account=options.account,
        side=options.side,
        symbol=options.symbol,
        quantity=options.quantity,
        reason=options.reason,
        requested_by=options.by,
        request=options.request,
    )
    run = order_run(workspace, f"terminal-{uuid.uuid4().hex[:8]}")
    name = options.request or uuid.uuid4().hex[:8]
    placed = OrderDesk(run).place(order_of(workspace, run.session, request, name))
    print(f"{placed.client_order_id}: {placed.state}{_why(placed)}")
    _print_gate(workspace, run.session, placed.client_order_id)
    return 0 if placed.stopped_by is None else _EXIT_PROBLEM


def _orders(workspace: Workspace, options: argparse.Namespace) -> int:
    from assets.order_metadata import orders_table

    sessions = workspace.lake.snapshot(["prices"]).partitions("prices")
    if not sessions:
        print("No session has been run yet: `make run`.", file=sys.stderr)
        return _EXIT_PROBLEM
    session = options.session or date.fromisoformat(sessions[-1])
    table = workspace.orders.table().filter(pl.col("session") == session)
    answers = workspace.gate_log.table(session)
    fills = workspace.orders.executions(session)
    for row in orders_table(table, answers, fills).iter_rows(named=True):
        quantity = f"{row['quantity'].normalize():f}"
        print(
            f"{row['client_order_id']:<40} {row['side']:<8} {quantity:>12} {row['symbol']:<10} {row['state']}"
        )
        if row["detail"]:
            print(f"    {row['detail']}")
    if table.is_empty() and answers.is_empty():
        print(f"No orders in session {session}; mode {workspace.portfolio.mode}.")
    return 0


def _emergency(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner, explain

    runner = Runner(workspace)
    session = options.session or runner.newest_session()
    outcome = runner.run("emergency_rebalance", session)
    if not outcome.success:
        explain(outcome)
        return _EXIT_PROBLEM
    steps = workspace.episodes.timeline().filter(pl.col("session") == session)
    for account in workspace.portfolio.base_currencies:
        own = steps.filter(pl.col("account_id") == account)
        newest = own.filter(pl.col("episode_id") == pl.col("episode_id").last())
        print(f"{account}: {_last_phase(newest)}")
        for row in newest.iter_rows(named=True):
            missing = "" if row["shortfall"] is None else f"{row['shortfall']:,.2f} missing"
            print(f"  {row['number']:>2}. {row['phase']:<10} {missing:>20}  {row['detail']}")
    return 0


def _settle(workspace: Workspace, _options: argparse.Namespace) -> int:
    from assets.order_desk import OrderDesk
    from pipelines.order_jobs import order_run

    desk = OrderDesk(order_run(workspace, f"terminal-{uuid.uuid4().hex[:8]}"))
    in_doubt = [
        placed for account in workspace.brokers for placed in desk.settle(account, unsent_too=True)
    ]
    for placed in in_doubt:
        print(f"{placed.client_order_id} is in doubt{_why(placed)}", file=sys.stderr)
    print(f"{len(in_doubt)} orders are in doubt")
    return _EXIT_PROBLEM if in_doubt else 0


def _print_gate(workspace: Workspace, session: date, client_order_id: str) -> None:
    answers = workspace.gate_log.table(session)
    own = answers.filter(pl.col("client_order_id") == client_order_id)
    newest = own.filter(pl.col("attempt") == pl.col("attempt").max())
    for row in newest.iter_rows(named=True):
        print(f"  {row['verdict']:<15} {row['layer']:<16} {row['reason']}")


def _last_phase(steps: pl.DataFrame) -> str:
    return "not short of cash" if steps.is_empty() else str(steps["phase"][-1])


def _why(placed: Placed) -> str:
    return "" if placed.detail is None else f" ({placed.detail})"
