"""What every asset needs: its session, consistent reads of the lake, one publication, and metadata for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from assets.metadata import table_metadata
from resources.lake import Snapshot
from resources.lake_files import Table
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource


@dataclass(frozen=True)
class SessionRun:
    """One step's view: the workspace and the session of its partition."""

    workspace: Workspace
    session: date
    run_id: str

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, resource: WorkspaceResource) -> SessionRun:
        """Open the workspace for the partition of a step."""
        return cls(resource.open(), date.fromisoformat(context.partition_key), context.run.run_id)

    @property
    def partition(self) -> str:
        """Key of the partition: the session date."""
        return self.session.isoformat()

    def snapshot(self, *assets: str) -> Snapshot:
        """Resolve this session's tables of some assets in one read."""
        return self.workspace.lake.snapshot(assets, partition=self.partition)

    def read(self, *assets: str) -> list[pl.DataFrame]:
        """Read this session's tables, all from one snapshot."""
        snapshot = self.snapshot(*assets)
        return [snapshot.read(asset, self.partition) for asset in assets]

    def table(self, asset: str, frame: pl.DataFrame, schema: type[dy.Schema]) -> Table:
        """Name a frame as this session's table of an asset."""
        return Table(asset, self.partition, frame, schema)

    def publish(self, *tables: Table) -> None:
        """Publish tables together."""
        self.workspace.lake.publish(
            list(tables),
            run_id=self.run_id,
            code_version=self.workspace.code_version,
            as_of=self.partition,
        )

    def result(
        self,
        asset: str,
        frame: pl.DataFrame,
        *,
        metadata: Mapping[str, Any] | None = None,
        rows: pl.DataFrame | None = None,
        checks: Sequence[dg.AssetCheckResult] = (),
    ) -> dg.MaterializeResult:
        """Describe what was published: row count, data version, the rows that matter, and what the asset adds."""
        shown = frame.head(5) if rows is None else rows
        return dg.MaterializeResult(
            asset_key=asset,
            metadata={
                **table_metadata(frame.height, shown),
                "configuration": self.workspace.portfolio.fingerprint(),
                **(metadata or {}),
            },
            data_version=self._version(asset),
            check_results=list(checks),
        )

    def _version(self, asset: str) -> dg.DataVersion | None:
        """Return the hash of what was published, so that an unchanged table is recognised."""
        entry = self.snapshot(asset).entries.get((asset, self.partition))
        return None if entry is None else dg.DataVersion(entry.sha256[:16])
