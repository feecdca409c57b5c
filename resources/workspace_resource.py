"""The Dagster resource behind which the workspace lives."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from resources.workspace import Workspace, open_workspace, portfolio_path


class WorkspaceResource(dg.ConfigurableResource):
    """The portfolio's store, lake, sources and brokers.

    The portfolio file is no secret; database passwords stay in the environment and never enter a run's configuration.
    """

    portfolio: str = ""

    def open(self) -> Workspace:
        """Return the workspace of the portfolio file, opened once per process."""
        return open_workspace(
            Path(self.portfolio).resolve() if self.portfolio else portfolio_path()
        )
