"""Section of the portfolio file: what is kept in reserve, and where."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ballast.settings.types import StrictModel, Whole


class MaintenanceSettings(StrictModel):
    """Backups of the store, the lake and the statements."""

    backup_directory: Path = Field(
        Path("backups"),
        description=(
            "Folder of the backups, outside `storage.directory`. On the same file system they share the lake's files;"
            " only on another disk do they survive the loss of this one."
        ),
    )
    backups_kept: Whole = Field(
        7, ge=1, le=3_650, description="Newest backups that are kept; older ones are removed whole."
    )
