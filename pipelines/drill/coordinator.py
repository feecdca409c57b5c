"""Prepare a copy of the portfolio, run the drill over it in processes that may die, and count what came of it."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ballast.calendars import end_of_session
from ballast.configuration import Portfolio
from ballast.errors import ConfigurationError
from pipelines.build import build_definitions
from pipelines.drill.rehearsal import Findings
from pipelines.drill.script import Drill, drills_of, faults_of
from pipelines.drill.worker import Worker
from pipelines.drill.workspace import FAULTS, DrillWorkspace, calm, hand, rehearsed
from pipelines.sessions import session_partitions
from resources.brokers.faults_script import COLUMNS
from resources.newest_session import newest_session
from resources.store import Store
from resources.store.schema import paper_accounts, paper_movements, postings
from resources.workspace import Workspace

_SESSIONS = 4
_RUNS_PER_CHAIN = 50
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


Workers = tuple[Worker, Worker]


@dataclass
class Tally:
    """Counts of a drill."""

    runs: int = 0
    killed: int = 0
    rivals: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    stopped: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    in_doubt_at_the_end: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost or doubled, and broker and books agreed after every run."""
        found = (self.lost, self.doubled, self.differences, self.needless)
        return not any(found) and not self.in_doubt_at_the_end


def drill(workspace: Workspace, runs: int, seed: int) -> Tally:
    """Run the drill on a copy of the portfolio in a temporary folder; the portfolio's own data is not touched.

    Raises
    ------
    ConfigurationError
        If the portfolio has no paper account, or a process of the drill fails otherwise than by being killed.
    """
    accounts = [account.id for account in workspace.portfolio.accounts if account.broker == "paper"]
    if not accounts:
        raise ConfigurationError(
            "the portfolio has no account at the simulated broker",
            where="accounts",
            remedy='Give one account broker = "paper", or drill with the demonstration.',
        )
    tally = Tally()
    with (
        tempfile.TemporaryDirectory(prefix="ballast-drill-") as scratch,
        Worker() as worker,
        Worker() as rival,
    ):
        prepared = Path(scratch) / "prepared"
        sessions = _prepare(workspace, prepared)
        for chain, length in enumerate(_chains(runs)):
            folder = Path(scratch) / f"chain-{chain}"
            shutil.copytree(prepared, folder)
            _play(
                (worker, rival),
                workspace,
                folder,
                accounts,
                sessions,
                1000 * seed + chain,
                length,
                tally,
            )
            shutil.rmtree(folder)
    return tally


def _prepare(workspace: Workspace, folder: Path) -> list[date]:
    """Run the daily pipeline, in research mode, for the sessions of the drill."""
    folder.mkdir(parents=True)
    for name in ("examples", "inbox"):
        if (workspace.folder / name).exists():
            shutil.copytree(workspace.folder / name, folder / name)
    copy = DrillWorkspace(calm(workspace.portfolio), folder)
    sessions = _sessions(copy)
    definitions = build_definitions(copy, hand(copy))
    with dg.DagsterInstance.ephemeral() as instance:
        for session in sessions:
            result = definitions.resolve_job_def("daily_pipeline").execute_in_process(
                partition_key=session.isoformat(),
                instance=instance,
                run_config=_QUIET,
                raise_on_error=False,
            )
            if not result.success:
                raise ConfigurationError(
                    f"the session {session} could not be prepared",
                    where="drill",
                    remedy="Run the daily pipeline of that session and mend what stops it.",
                )
    _rewind(copy.store, sessions[0])
    copy.store.close()
    return sessions


def _rewind(store: Store, session: date) -> None:
    """Take broker and books back to a session: what happened since will happen again, to other holdings."""
    with store.write() as connection:
        for table in (paper_movements, postings):
            connection.execute(
                sa.delete(table).where(table.c.occurred_at >= end_of_session(session))
            )
        connection.execute(sa.update(paper_accounts).values(advanced_to=session))


def _sessions(workspace: Workspace) -> list[date]:
    partitions = session_partitions(workspace.portfolio, workspace.portfolio_calendars)
    newest = newest_session(workspace)
    keys = [date.fromisoformat(key) for key in partitions.get_partition_keys()]
    return [key for key in keys if newest is not None and key <= newest][-_SESSIONS:]


def _play(
    workers: Workers,
    workspace: Workspace,
    folder: Path,
    accounts: Sequence[str],
    sessions: Sequence[date],
    seed: int,
    runs: int,
    tally: Tally,
) -> None:
    faults = faults_of(seed, accounts, sessions)
    _write_script(folder / FAULTS, [asdict(fault) for fault in faults])
    tally.faults.update(fault.kind for fault in faults)
    portfolio = rehearsed(workspace.portfolio)
    last: Findings | None = None
    for each in drills_of(seed, accounts, sessions, runs):
        last = _run(workers, portfolio, folder, each, tally)
    if last is not None:
        tally.orders += last.orders
        tally.in_doubt_at_the_end += last.in_doubt


def _run(
    workers: Workers, portfolio: Portfolio, folder: Path, each: Drill, tally: Tally
) -> Findings:
    """Carry out one run, now and then in two processes at once; if one dies, the next finishes what it began."""
    worker, rival = workers
    tally.runs += 1
    worker.begin(portfolio, folder, each, each.dies_at)
    if each.has_rival:
        tally.rivals += 1
        rival.run(portfolio, folder, each, None)
    found = worker.finish(each)
    tally.killed += found is None
    if found is None or each.has_rival:
        found = worker.run(portfolio, folder, each, None)
    if found is None:
        raise ConfigurationError(
            f"run {each.number} of the drill died by itself",
            where="drill",
            remedy="Run it again with the same seed.",
        )
    where = f"session {each.session}, run {each.number}: "
    tally.stopped += found.stopped
    tally.repairs.update(found.repairs)
    tally.lost += [where + item for item in found.lost]
    tally.doubled += [where + item for item in found.doubled]
    tally.differences += [where + item for item in found.differences]
    tally.needless += [where + item for item in found.needless]
    return found


def _write_script(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            given = {
                name: value for name, value in row.items() if name not in {"told", "questions"}
            }
            writer.writerow({name: value for name, value in given.items() if value is not None})


def _chains(runs: int) -> Iterator[int]:
    while runs > 0:
        yield min(runs, _RUNS_PER_CHAIN)
        runs -= _RUNS_PER_CHAIN
