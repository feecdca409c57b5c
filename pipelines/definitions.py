"""What Dagster loads: the definitions of the portfolio file in the current folder, or in BALLAST_PORTFOLIO."""

import dagster as dg

from pipelines.build import build_definitions
from resources.discretion import guard_output, guard_process
from resources.secrets import redaction_of_environment
from resources.workspace import open_workspace, portfolio_path
from resources.workspace_resource import WorkspaceResource


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of the portfolio."""
    redact = redaction_of_environment()
    guard_process(redact)
    guard_output(redact)
    return build_definitions(open_workspace(portfolio_path()), WorkspaceResource())
