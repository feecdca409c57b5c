"""The vocabulary: one schema class per table that crosses a wall between rooms.

The class is the contract: column names, types, which values may be null, and rules that a row must keep. Column
descriptions are shown in the UI. Money, prices and quantities are exact decimals; unknown is null, never zero.
"""

from ballast.tables.books import POSTING_KINDS, Positions, Postings
from ballast.tables.control import (
    BrokerAccounts,
    BrokerActivity,
    BrokerBalances,
    BrokerLots,
    BrokerPositions,
    InFlight,
)
from ballast.tables.guards import GUARD_STATES, GuardStatus, KillSwitchEvents
from ballast.tables.lots import GainsByYear, RealisedGains, TaxLots
from ballast.tables.market import (
    Bars,
    CorporateActions,
    ExchangeRates,
    Prices,
    QualityFindings,
    ReferenceRates,
    Regimes,
    Securities,
)
from ballast.tables.performance import (
    Contributions,
    Correlations,
    DailyHoldings,
    DailyMovements,
    DailyRates,
    DailyReturns,
    DrawdownEpisodes,
    Drawdowns,
    PerformanceMeasures,
    PeriodContributions,
    PeriodReturns,
    PortfolioValues,
    RiskMetrics,
    RollingMeasures,
    TrueRanges,
    Turnover,
)
from ballast.tables.planning import DailyReports, Plans, Recommendations
from ballast.tables.reconciliation import (
    Comparison,
    Decisions,
    ExplainedLines,
    Proposals,
    ProposedPostings,
    Reconciliation,
)
from ballast.tables.schemas import describe_columns, polars_schema
from ballast.tables.scores import Fundamentals, PositionScores, SecurityScores
from ballast.tables.statements import (
    StatementIdentities,
    StatementImports,
    StatementQuarantine,
)
from ballast.tables.targets import (
    EfficientFrontier,
    HighCorrelations,
    OptimisedWeights,
    OptimiserSteps,
    TargetWeights,
    WeightConstraints,
)
from ballast.tables.trading import (
    EmergencySteps,
    Executions,
    GateAnswers,
    OrderHistory,
    Orders,
)

__all__ = [
    "GUARD_STATES",
    "POSTING_KINDS",
    "Bars",
    "BrokerAccounts",
    "BrokerActivity",
    "BrokerBalances",
    "BrokerLots",
    "BrokerPositions",
    "Comparison",
    "Contributions",
    "CorporateActions",
    "Correlations",
    "DailyHoldings",
    "DailyMovements",
    "DailyRates",
    "DailyReports",
    "DailyReturns",
    "Decisions",
    "DrawdownEpisodes",
    "Drawdowns",
    "EfficientFrontier",
    "EmergencySteps",
    "ExchangeRates",
    "Executions",
    "ExplainedLines",
    "Fundamentals",
    "GainsByYear",
    "GateAnswers",
    "GuardStatus",
    "HighCorrelations",
    "InFlight",
    "KillSwitchEvents",
    "OptimisedWeights",
    "OptimiserSteps",
    "OrderHistory",
    "Orders",
    "PerformanceMeasures",
    "PeriodContributions",
    "PeriodReturns",
    "Plans",
    "PortfolioValues",
    "PositionScores",
    "Positions",
    "Postings",
    "Prices",
    "Proposals",
    "ProposedPostings",
    "QualityFindings",
    "RealisedGains",
    "Recommendations",
    "Reconciliation",
    "ReferenceRates",
    "Regimes",
    "RiskMetrics",
    "RollingMeasures",
    "Securities",
    "SecurityScores",
    "StatementIdentities",
    "StatementImports",
    "StatementQuarantine",
    "TargetWeights",
    "TaxLots",
    "TrueRanges",
    "Turnover",
    "WeightConstraints",
    "describe_columns",
    "polars_schema",
]
