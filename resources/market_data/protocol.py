"""What every source of market data offers; a source that fails says so and never returns less in silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import polars as pl

# Columns of `Bars` that a source delivers; `known_on` is added by the history.
OBSERVED_COLUMNS = (
    "symbol", "session", "open", "high", "low", "close", "volume", "is_total_return", "source",
)  # fmt: skip


class MarketData(Protocol):
    """Daily bars and corporate actions."""

    def bars(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return the bars of sessions from first to last, both included.

        Returns
        -------
        pl.DataFrame
            Columns `OBSERVED_COLUMNS`; prices as traded on the day, in the quotation currency; rows may be flawed
            (the quality gates judge them) but a symbol that could not be asked is never left out silently.

        Raises
        ------
        MarketDataError
            If the source failed for any symbol.
        """
        ...

    def corporate_actions(self, symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return splits and dividends with an ex date from first to last, as `CorporateActions`."""
        ...


class ReferenceRateSource(Protocol):
    """Central bank reference rates."""

    def reference_rates(self, currencies: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return the fixings from first to last, both included, as `ReferenceRates` (without EUR itself).

        Raises
        ------
        MarketDataError
            If the source failed or does not know one of the currencies.
        """
        ...
