"""The sections of the portfolio file: every setting with its type, range, default, unit and meaning.

`docs/settings.md` is generated from these files. Secrets are never settings; they come from the environment.
"""

from ballast.settings.alerts import AlertSettings
from ballast.settings.groups import GroupSettings
from ballast.settings.guards import GuardSettings
from ballast.settings.maintenance import MaintenanceSettings
from ballast.settings.optimiser import OptimiserSettings
from ballast.settings.planner import PlannerSettings
from ballast.settings.portfolio import (
    AccountSettings,
    CostSettings,
    LotChoice,
    MarketDataSettings,
    PaperSettings,
    PerformanceSettings,
    SecuritySettings,
    SessionSettings,
    StatementSettings,
    StorageSettings,
    TaxSettings,
)
from ballast.settings.rebalancing import RebalancingSettings
from ballast.settings.reconciliation import ReconciliationSettings, ReconciliationTolerances
from ballast.settings.regime import RegimeSettings
from ballast.settings.schedule import ScheduleSettings
from ballast.settings.scores import GroupWeights, ScoreSettings, SellWeights
from ballast.settings.trading import EmergencySettings, TradingSettings
from ballast.settings.types import Currency, Flag, LotMethod, Number, Share, StrictModel, Whole

__all__ = [
    "AccountSettings",
    "AlertSettings",
    "CostSettings",
    "Currency",
    "EmergencySettings",
    "Flag",
    "GroupSettings",
    "GroupWeights",
    "GuardSettings",
    "LotChoice",
    "LotMethod",
    "MaintenanceSettings",
    "MarketDataSettings",
    "Number",
    "OptimiserSettings",
    "PaperSettings",
    "PerformanceSettings",
    "PlannerSettings",
    "RebalancingSettings",
    "ReconciliationSettings",
    "ReconciliationTolerances",
    "RegimeSettings",
    "ScheduleSettings",
    "ScoreSettings",
    "SecuritySettings",
    "SellWeights",
    "SessionSettings",
    "Share",
    "StatementSettings",
    "StorageSettings",
    "StrictModel",
    "TaxSettings",
    "TradingSettings",
    "Whole",
]
