"""Commands of an operator: back up, restore, and ask how everything is."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from ballast.errors import BackupError
from resources.secrets import STORE_VARIABLE
from resources.workspace import Workspace

_EXIT_PROBLEM = 1
_NEWEST = "newest"


def add_maintenance_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    backup = commands.add_parser("backup", help="back up the store, the lake and the statements")
    backup.set_defaults(command=_backup)

    restore = commands.add_parser("restore", help="restore a backup into an empty data folder")
    restore.add_argument("backup", help=f"name or path of a backup, or {_NEWEST!r}")
    restore.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="another folder, with the store as a SQLite file in it; default: the data folder and the configured store",
    )
    restore.set_defaults(command=_restore)

    health = commands.add_parser("health", help="say how every component is")
    health.set_defaults(command=_health)


def _backup(workspace: Workspace, _options: argparse.Namespace) -> int:
    backup = workspace.backups.create(workspace.store)
    manifest = backup.manifest
    print(f"{backup.folder}: {len(manifest.files)} files, {sum(manifest.rows.values())} rows")
    for gap in manifest.gaps:
        print(f"  lacks {gap}: it is missing or damaged in the data folder")
    return _EXIT_PROBLEM if manifest.gaps else 0


def _restore(workspace: Workspace, options: argparse.Namespace) -> int:
    from resources.restore import restore

    shelf = workspace.backups
    backup = shelf.newest() if options.backup == _NEWEST else shelf.find(options.backup)
    if backup is None:
        raise BackupError(
            "there is no backup yet", where=str(shelf.folder), remedy="Run `ballast backup`."
        )
    if options.into is None:
        data, store_url = workspace.data, os.environ.get(STORE_VARIABLE) or None
    else:
        data, store_url = options.into.resolve(), None
    restore(backup, data, store_url)
    print(f"{backup.name} is restored into {data}")
    for gap in backup.manifest.gaps:
        print(f"  lacks {gap}: it was missing or damaged when it was backed up")
    return _EXIT_PROBLEM if backup.manifest.gaps else 0


def _health(workspace: Workspace, _options: argparse.Namespace) -> int:
    import dagster as dg

    from pipelines.health import whole_health

    with dg.DagsterInstance.get() as instance:
        components = whole_health(workspace, instance)
    width = max(len(each.component) for each in components)
    for each in components:
        print(f"{each.status:<8}  {each.component:<{width}}  {each.sentence}")
    return _EXIT_PROBLEM if any(each.status == "failing" for each in components) else 0
