"""What Dagster loads: the definitions of the portfolio file in the current folder, or in BALLAST_PORTFOLIO."""

import dagster as dg

from pipelines.build import build_definitions
from resources.workspace import open_workspace, portfolio_path
from resources.workspace_resource import WorkspaceResource


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of the portfolio."""
    return build_definitions(open_workspace(portfolio_path()), WorkspaceResource())
