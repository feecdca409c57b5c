"""The workspace of a drill: a copy that keeps everything in its own folder, whatever the environment says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ballast.configuration import Portfolio
from ballast.settings import AlertSettings
from resources.store import Store, sqlite_url
from resources.workspace import Workspace
from resources.workspace_resource import WorkspaceResource

FAULTS = "faults.csv"
# The gate's limits against haste would stop most of the drill; all its other layers stay.
_WITHOUT_PAUSES = {
    "limit_frequency": False,
    "buy_cooldown_days": 0,
    "minimum_hold_days": 0,
    "duplicate_minutes": 0,
    "duplicate_sale_hours": 0,
}
_handed: dict[str, Workspace] = {}


@dataclass(frozen=True)
class DrillWorkspace(Workspace):
    """A workspace whose store is a file in its folder, even where the portfolio's own is another database."""

    @cached_property
    def store(self) -> Store:
        """The store of the drill."""
        return Store(sqlite_url(self.data / "ballast.db"))


class HandedWorkspace(WorkspaceResource):
    """Hands a workspace that is open already to the assets of this process."""

    def open(self) -> Workspace:
        """Return the workspace."""
        return _handed[self.portfolio]


def hand(workspace: Workspace) -> HandedWorkspace:
    """Return a resource that hands out a workspace."""
    _handed[str(workspace.folder)] = workspace
    return HandedWorkspace(portfolio=str(workspace.folder))


def calm(portfolio: Portfolio) -> Portfolio:
    """Return a portfolio that only recommends, with a broker without faults, and tells nobody."""
    return portfolio.model_copy(
        update={
            "mode": "research",
            "alerts": AlertSettings(),
            "paper": portfolio.paper.model_copy(update={"faults": None}),
            "storage": portfolio.storage.model_copy(update={"directory": Path("data")}),
        }
    )


def rehearsed(portfolio: Portfolio) -> Portfolio:
    """Return a portfolio that trades with the simulated broker, and its faults, without pauses."""
    quiet = calm(portfolio)
    return quiet.model_copy(
        update={
            "mode": "paper",
            "paper": quiet.paper.model_copy(update={"faults": FAULTS}),
            "trading": quiet.trading.model_copy(update=_WITHOUT_PAUSES),
            "guards": quiet.guards.model_copy(update={"orders_per_day": 10_000}),
        }
    )
