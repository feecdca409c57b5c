"""Whether Ballast can do its work now: each component ok, degraded or failing, with a sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl
import sqlalchemy as sa

from ballast.errors import BackupError, BallastError
from resources.clock import now
from resources.newest_session import newest_session
from resources.workspace import Workspace

Status = Literal["ok", "degraded", "failing"]
_LITTLE_DISK, _NO_DISK = 2 * 1024**3, 200 * 1024**2
_OLD_BACKUP = timedelta(days=2)
_MIB = 1024**2


@dataclass(frozen=True)
class Health:
    """One component.

    Parameters
    ----------
    status : str
        ok; degraded: something is not done or soon will not be; failing: nothing can be relied on until it is repaired.
    """

    component: str
    status: Status
    sentence: str


def health_of(workspace: Workspace) -> list[Health]:
    """Ask every component of a workspace; one that cannot be asked keeps none of the others from being asked."""
    checks: dict[str, Callable[[], Health]] = {
        "store": partial(_store, workspace),
        "lake": partial(_lake, workspace),
        "market data": partial(_market_data, workspace),
    }
    for account in workspace.portfolio.base_currencies:
        checks[f"broker of {account}"] = partial(_broker, workspace, account)
    checks |= {"backup": partial(_backup, workspace), "disk": partial(_disk, workspace)}
    return [_asked(component, check) for component, check in checks.items()]


def judge_disk(free: int) -> Status:
    """Judge the bytes that are free for the data."""
    if free < _NO_DISK:
        return "failing"
    return "degraded" if free < _LITTLE_DISK else "ok"


def judge_backup(created_at: datetime, moment: datetime) -> Status:
    """Judge the age of the newest backup."""
    return "degraded" if moment - created_at > _OLD_BACKUP else "ok"


def judge_market_data(behind: int, stale_limit: int) -> Status:
    """Judge prices by the number of sessions that they are behind the newest one."""
    if behind > stale_limit:
        return "failing"
    return "degraded" if behind else "ok"


def _asked(component: str, check: Callable[[], Health]) -> Health:
    try:
        return check()
    except BallastError as error:
        return Health(component, "failing", f"{error.what}. {error.remedy}")
    except (OSError, pl.exceptions.PolarsError) as error:
        return Health(component, "failing", f"It cannot be read: {error}.")
    except sa.exc.SQLAlchemyError as error:
        # Not its text: that of a connection may hold an address.
        return Health(component, "failing", f"The database answers {type(error).__name__}.")


def _store(workspace: Workspace) -> Health:
    with workspace.store.read() as connection:
        connection.execute(sa.text("SELECT 1"))
    return Health("store", "ok", f"{workspace.store.engine.dialect.name} answers.")


def _lake(workspace: Workspace) -> Health:
    snapshot = workspace.lake.snapshot()
    newest = max(snapshot.entries.values(), key=lambda each: each.publication_id, default=None)
    if newest is None:
        return Health("lake", "ok", "Nothing has been published yet.")
    snapshot.read(newest.asset, newest.partition)
    return Health(
        "lake",
        "ok",
        f"The newest of {len(snapshot.entries)} tables is {newest.asset} of {newest.partition}.",
    )


def _market_data(workspace: Workspace) -> Health:
    due, run = newest_session(workspace), _newest_run(workspace)
    if due is None:
        return Health("market data", "ok", "No session has ended yet.")
    if run is None:
        return Health("market data", "degraded", "No session has been run yet; run daily_pipeline.")
    behind = _sessions_after(workspace, run, due)
    published = workspace.lake.snapshot(["prices"]).entries["prices", run.isoformat()].published_at
    source = workspace.portfolio.market_data.source
    sentence = f"Prices ({source}) are of session {run}, published {published:%Y-%m-%d %H:%M} UTC"
    if behind:
        sentence += f"; sessions since then that were not run: {behind}"
    status = judge_market_data(behind, workspace.portfolio.market_data.stale_limit)
    return Health("market data", status, f"{sentence}.")


def _broker(workspace: Workspace, account: str) -> Health:
    component = f"broker of {account}"
    # Not a session that was not run yet: a simulated broker would move on to it.
    session = _newest_run(workspace)
    if session is None:
        return Health(component, "degraded", "Not asked: no session has been run yet.")
    broker = workspace.broker(account)
    try:
        balances = broker.balances(account, session)
    except BallastError as error:
        return Health(component, "degraded", f"{broker.name} cannot be asked: {error.what}.")
    return Health(
        component, "ok", f"{broker.name} tells {len(balances)} balances of session {session}."
    )


def _backup(workspace: Workspace) -> Health:
    shelf = workspace.backups
    try:
        newest = shelf.newest()
    except BackupError as error:
        return Health("backup", "degraded", f"The newest one is none: {error.what}.")
    if newest is None:
        return Health("backup", "degraded", "There is none yet; run daily_maintenance.")
    gaps = len(newest.manifest.gaps)
    sentence = (
        f"The newest of {len(shelf.names())} is of {newest.manifest.created_at:%Y-%m-%d %H:%M} UTC"
    )
    if gaps:
        return Health("backup", "degraded", f"{sentence} and lacks {gaps} damaged files.")
    return Health("backup", judge_backup(newest.manifest.created_at, now()), f"{sentence}.")


def _disk(workspace: Workspace) -> Health:
    free = shutil.disk_usage(_existing(workspace.data)).free
    return Health("disk", judge_disk(free), f"{free // _MIB:,} MiB are free for the data.")


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _newest_run(workspace: Workspace) -> date | None:
    sessions = workspace.lake.snapshot(["prices"]).partitions("prices")
    return date.fromisoformat(sessions[-1]) if sessions else None


def _sessions_after(workspace: Workspace, run: date, due: date) -> int:
    calendars, exchanges = workspace.portfolio_calendars, workspace.portfolio.exchanges
    days = (run + timedelta(days=number) for number in range(1, (due - run).days + 1))
    return sum(calendars.any_session(exchanges, day) for day in days)
