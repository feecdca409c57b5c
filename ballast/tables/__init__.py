"""The vocabulary: one schema class per table that crosses a wall between rooms.

The class is the contract: column names, types, which values may be null, and rules that a row must keep. Column
descriptions are shown in the UI. Money, prices and quantities are exact decimals; unknown is null, never zero.
"""

from ballast.tables.books import POSTING_KINDS, Positions, Postings
from ballast.tables.control import BrokerAccounts, BrokerBalances, BrokerPositions, Reconciliation
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
from ballast.tables.planning import DailyReports, Orders, Plans, Recommendations, TargetWeights
from ballast.tables.schemas import describe_columns, polars_schema

__all__ = [
    "POSTING_KINDS",
    "Bars",
    "BrokerAccounts",
    "BrokerBalances",
    "BrokerPositions",
    "CorporateActions",
    "DailyReports",
    "ExchangeRates",
    "GainsByYear",
    "Orders",
    "Plans",
    "Positions",
    "Postings",
    "Prices",
    "QualityFindings",
    "RealisedGains",
    "Recommendations",
    "Reconciliation",
    "ReferenceRates",
    "Regimes",
    "Securities",
    "TargetWeights",
    "TaxLots",
    "describe_columns",
    "polars_schema",
]
