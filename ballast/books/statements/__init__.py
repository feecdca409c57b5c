"""What brokers' statements say, proven against their own sums.

Invariants: every row of a file is imported, used as a check sum, skipped for a reason, ignored by the name of its
section, or quarantined by the name of a rule, and the counts add up; the same row gives the same event in every
statement that contains it; what is unknown is None.
"""

from ballast.books.statements.activity import parse_activity_statement
from ballast.books.statements.flex import parse_flex
from ballast.books.statements.identities import (
    Identity,
    closing_quantities,
    identities,
    require_identities,
)
from ballast.books.statements.model import (
    CashBalance,
    ChangeInNav,
    ClosedLot,
    ClosingPosition,
    ExchangeRate,
    Instrument,
    NetAssetValue,
    OpenLot,
    QuarantinedRow,
    RowCounts,
    StatedTotal,
    StatedTrade,
    Statement,
    StatementWarning,
)
from ballast.books.statements.overlaps import contradictions, require_agreement
from ballast.books.statements.reading import read_statements
from ballast.books.statements.statement_error import StatementError

__all__ = [
    "CashBalance",
    "ChangeInNav",
    "ClosedLot",
    "ClosingPosition",
    "ExchangeRate",
    "Identity",
    "Instrument",
    "NetAssetValue",
    "OpenLot",
    "QuarantinedRow",
    "RowCounts",
    "StatedTotal",
    "StatedTrade",
    "Statement",
    "StatementError",
    "StatementWarning",
    "closing_quantities",
    "contradictions",
    "identities",
    "parse_activity_statement",
    "parse_flex",
    "read_statements",
    "require_agreement",
    "require_identities",
]
