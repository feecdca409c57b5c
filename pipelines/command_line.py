"""The command line: run the pipeline, open the UI, look at the report, move cash at the paper broker."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import as_file, files
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from ballast.alerts import Alert
from ballast.errors import BallastError, ConfigurationError
from ballast.market.regime import main_regime
from pipelines.drill.commands import add_drill_commands
from pipelines.maintenance_commands import add_maintenance_commands
from pipelines.order_commands import add_order_commands
from pipelines.planning_commands import add_planning_commands
from pipelines.reconciliation_commands import add_reconciliation_commands
from resources.discretion import discreet_output, guard_process
from resources.secrets import redaction_of_environment
from resources.workspace import PORTFOLIO_VARIABLE, Workspace, open_workspace, portfolio_path

if TYPE_CHECKING:
    from pipelines.execution import Outcome

_EXIT_PROBLEM = 1
_EXIT_USAGE = 2
_SAFE_STORAGE = "resources.run_history"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    redact = redaction_of_environment()
    guard_process(redact)
    with discreet_output(redact):
        return _command(options)


def _command(options: argparse.Namespace) -> int:
    try:
        workspace = open_workspace(portfolio_path())
        _use_project_home(workspace)
        code: int = options.command(workspace, options)
    except BallastError as error:
        print(f"ballast: {error.what}\n  where: {error.where}\n  {error.remedy}", file=sys.stderr)
        return _EXIT_USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ballast", description="A portfolio's daily pipeline.")
    commands = parser.add_subparsers(required=True, metavar="command")

    run = commands.add_parser(
        "run", help="run the daily pipeline for a session and print the report"
    )
    run.add_argument("--session", type=date.fromisoformat, help="session date; default: the newest")
    run.set_defaults(command=_run)

    backfill = commands.add_parser("backfill", help="run the daily pipeline for a span of sessions")
    backfill.add_argument("first", type=date.fromisoformat)
    backfill.add_argument("last", type=date.fromisoformat)
    backfill.set_defaults(command=_backfill)

    report = commands.add_parser("report", help="print the report of a session that was run")
    report.add_argument("--session", type=date.fromisoformat)
    report.set_defaults(command=_report)

    export = commands.add_parser(
        "export", help="write lots and realised gains of a session for a tax adviser"
    )
    export.add_argument("folder", type=Path)
    export.add_argument("--session", type=date.fromisoformat)
    export.add_argument("--year", type=int, help="only gains of this tax year")
    export.set_defaults(command=_export)

    dev = commands.add_parser("dev", help="open the Dagster UI")
    dev.add_argument("--port", type=int, default=3000)
    dev.set_defaults(command=_dev)

    alerts = commands.add_parser("alerts", help="try every route, or deliver what is waiting")
    alerts.add_argument("action", choices=["test", "deliver"])
    alerts.set_defaults(command=_alerts)

    metrics = commands.add_parser("metrics", help="serve metrics for Prometheus")
    metrics.add_argument("--port", type=int, default=9464)
    metrics.add_argument(
        "--write", action="store_true", help="only renew the file for node_exporter"
    )
    metrics.set_defaults(command=_metrics)

    add_order_commands(commands)
    add_planning_commands(commands)
    add_drill_commands(commands)
    add_reconciliation_commands(commands)
    add_maintenance_commands(commands)

    paper = commands.add_parser("paper", help="pay cash into or out of a paper account")
    paper.add_argument("action", choices=["deposit", "withdraw"])
    paper.add_argument("account")
    paper.add_argument("amount")
    paper.add_argument("currency")
    paper.add_argument("--session", type=date.fromisoformat)
    paper.add_argument("--reference", default="by-hand", help="repeating one changes nothing")
    paper.set_defaults(command=_paper)
    return parser


def _run(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner

    runner = Runner(workspace)
    session = options.session or runner.newest_session()
    outcome = runner.run("daily_pipeline", session)
    if not outcome.success:
        return _explain(outcome)
    _print_report(workspace, session)
    return 0


def _backfill(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner

    runner = Runner(workspace)
    failed = []
    for session in runner.sessions(options.first, options.last):
        outcome = runner.run("daily_pipeline", session)
        word = "done" if outcome.success else "FAILED"
        print(f"{session}  {word}  {_regime(workspace, session)}", flush=True)
        if not outcome.success:
            _explain(outcome)
            failed.append(session)
    return _EXIT_PROBLEM if failed else 0


def _report(workspace: Workspace, options: argparse.Namespace) -> int:
    published = workspace.lake.snapshot(["daily_report"]).partitions("daily_report")
    if not published:
        print("No session has been run yet: `make run`.", file=sys.stderr)
        return _EXIT_PROBLEM
    _print_report(workspace, options.session or date.fromisoformat(published[-1]))
    return 0


def _export(workspace: Workspace, options: argparse.Namespace) -> int:
    from resources.export import export_taxes

    published = workspace.lake.snapshot(["realised_gains"]).partitions("realised_gains")
    if not published:
        print("No session has been run yet: `make run`.", file=sys.stderr)
        return _EXIT_PROBLEM
    session = options.session.isoformat() if options.session else published[-1]
    for path in export_taxes(workspace.lake, session, options.folder, options.year):
        print(path)
    return 0


def _dev(workspace: Workspace, options: argparse.Namespace) -> int:
    listed = workspace.folder / "workspace.yaml"
    target = ["--workspace", str(listed)] if listed.exists() else ["-m", "pipelines.definitions"]
    command = [
        sys.executable, "-W", "ignore", "-m", "dagster", "dev", *target,
        "--host", "127.0.0.1", "--port", str(options.port),
    ]  # fmt: skip
    print(f"The Dagster UI opens at http://127.0.0.1:{options.port} in a few seconds.", flush=True)
    os.execv(sys.executable, command)


def _alerts(workspace: Workspace, options: argparse.Namespace) -> int:
    if options.action == "deliver":
        done = workspace.alerts.deliver()
        print(f"{done.delivered} delivered, {done.failed} failed, {done.waiting} waiting")
        print(*done.problems, sep="\n", end="\n" if done.problems else "", file=sys.stderr)
        return _EXIT_PROBLEM if done.problems else 0
    tried = workspace.alerts.try_routes(
        Alert("test", "test", "critical", "Ballast can reach you", "This is only a test.")
    )
    if not tried:
        print("No route is configured: docs/alerts.md shows how.", file=sys.stderr)
    for route, problem in tried.items():
        print(f"{route:<16} {problem or 'delivered'}")
    return 0 if tried and not any(tried.values()) else _EXIT_PROBLEM


def _metrics(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.metrics_server import serving

    if options.write:
        print(workspace.metrics.write(workspace.metrics_file))
        return 0
    with serving(workspace.metrics, options.port) as address:
        print(f"Metrics are at {address}; Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            Event().wait()
    return 0


def _paper(workspace: Workspace, options: argparse.Namespace) -> int:
    from pipelines.execution import Runner

    if options.account not in workspace.portfolio.base_currencies:
        raise ConfigurationError(
            f"there is no account {options.account!r}",
            where="ballast paper",
            remedy=f"Use one of {', '.join(workspace.portfolio.base_currencies)}.",
        )
    amount = _positive(options.amount)
    signed = amount if options.action == "deposit" else -amount
    session = options.session or Runner(workspace).newest_session()
    workspace.paper.move_cash(
        options.account, options.currency, signed, session, f"{options.action}-{options.reference}"
    )
    balances = workspace.paper.balances(options.account, session)
    print(", ".join(f"{balance:,.2f} {currency}" for currency, balance in sorted(balances.items())))
    return 0


def _explain(outcome: Outcome) -> int:
    from pipelines.execution import explain

    explain(outcome)
    return _EXIT_PROBLEM


def _positive(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ConfigurationError(
            f"{text!r} is not a positive amount", where="ballast paper", remedy="Write 1500.00."
        )
    return amount


def _print_report(workspace: Workspace, session: date) -> None:
    partition = session.isoformat()
    snapshot = workspace.lake.snapshot(["daily_report"], partition=partition)
    print(snapshot.read("daily_report", partition)["report"][0])


def _regime(workspace: Workspace, session: date) -> str:
    snapshot = workspace.lake.snapshot(["regime_detection"], partition=session.isoformat())
    if not snapshot.has("regime_detection", session.isoformat()):
        return ""
    table = snapshot.read("regime_detection", session.isoformat())
    last = main_regime(table, workspace.portfolio.regime.index)
    if last["regime"] is None:
        return "regime unknown"
    return f"{last['regime']:<8} {last['distance']:+.1%} from the moving average"


def _use_project_home(workspace: Workspace) -> None:
    """Keep Dagster's history in the project, because without a home of its own it is thrown away."""
    home = Path(os.environ.get("DAGSTER_HOME") or workspace.data / "dagster")
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        with as_file(files("pipelines") / "dagster.yaml") as template:
            shutil.copyfile(template, settings)
    elif _SAFE_STORAGE not in settings.read_text():
        print(
            f"ballast: {settings} does not keep secrets out of Dagster's history;"
            " docs/operations.md names the lines that it lacks.",
            file=sys.stderr,
        )
    os.environ["DAGSTER_HOME"] = str(home)
    # The UI's own processes must find the same portfolio, wherever they start.
    os.environ[PORTFOLIO_VARIABLE] = str(portfolio_path())


if __name__ == "__main__":
    raise SystemExit(main())
