"""Commands about the books: reconcile now, list what is proposed, accept it or take it back."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from resources.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.execution import Runner

_EXIT_PROBLEM = 1


def add_reconciliation_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    reconcile = commands.add_parser("reconcile", help="import from the brokers and reconcile now")
    reconcile.add_argument("--session", type=date.fromisoformat, help="default: the newest run")
    reconcile.add_argument("--requested-by", default="command line", help="who asks for it")
    reconcile.set_defaults(command=_reconcile)

    proposals = commands.add_parser("proposals", help="list what the reconciliation proposes")
    proposals.add_argument("--all", action="store_true", help="decided ones too")
    proposals.set_defaults(command=_proposals)

    for name, what in (("accept", "book proposals"), ("reverse", "take booked proposals back")):
        decide = commands.add_parser(name, help=what)
        decide.add_argument("ids", nargs="+", help="ids from `ballast proposals`")
        decide.add_argument("--by", required=True, help="who decides")
        decide.add_argument("--reason", required=True, help="why")
        decide.add_argument("--session", type=date.fromisoformat, help="default: the newest run")
        decide.set_defaults(command=_decide, decision=name)


def _reconcile(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner, explain
    from pipelines.reconciliation_triggers import trigger_tags

    runner = Runner(workspace)
    session = options.session or _newest(workspace, runner)
    context = {"trigger": "on_demand", "requested_by": options.requested_by}
    outcome = runner.run("reconcile_accounts", session, tags=trigger_tags(context))
    if not outcome.success:
        explain(outcome)
        return _EXIT_PROBLEM
    partition = session.isoformat()
    report = workspace.lake.snapshot(["reconciliation_report"], partition=partition).read(
        "reconciliation_report", partition
    )
    differing = report.filter(pl.col("outcome") != "matched")
    print(f"{session}: {report.height} figures compared, {differing.height} different")
    for row in differing.iter_rows(named=True):
        print(
            f"  {row['account_id']} {row['item']} {row['field']}: {row['outcome']}, {row['cause']}"
        )
        print(f"    {row['explanation']}")
    return _EXIT_PROBLEM if differing.height else 0


def _proposals(workspace: Workspace, options: argparse.Namespace) -> int:
    table = workspace.proposals.table()
    if not options.all:
        table = table.filter(pl.col("status") == "proposed")
    for row in table.iter_rows(named=True):
        decided = f" by {row['decided_by']}: {row['reason']}" if row["decided_by"] else ""
        print(
            f"{row['proposal_id']}  {row['account_id']}  {row['cause']}  {row['status']}{decided}"
        )
        print(f"    {row['description']}")
    if table.is_empty():
        print("Nothing is proposed.")
    return 0


def _decide(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner, explain

    runner = Runner(workspace)
    session = options.session or _newest(workspace, runner)
    config = {options.decision: options.ids, "decided_by": options.by, "reason": options.reason}
    outcome = runner.run("accept_proposals", session, config={"accepted_adjustments": config})
    if not outcome.success:
        explain(outcome)
        return _EXIT_PROBLEM
    print(f"{len(options.ids)} done; `ballast reconcile` compares again.")
    return 0


def _newest(workspace: Workspace, runner: Runner) -> date:
    published = workspace.lake.snapshot(["prices"]).partitions("prices")
    return date.fromisoformat(published[-1]) if published else runner.newest_session()
