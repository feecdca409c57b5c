"""The market as the paper broker sees it: straight from the source, apart from our own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from ballast.errors import MissingPriceError
from ballast.market.exchange_rates import Rates, cross_rates
from ballast.money import exact
from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair
from resources.market_data.protocol import MarketData, ReferenceRateSource

# A paper order still fills at a close this old; a real venue would be closed, not gone.
_OLDEST_CLOSE = timedelta(days=15)


@dataclass(frozen=True)
class PaperMarket:
    """Closes, corporate actions, exchange rates and fees.

    Parameters
    ----------
    currencies_by_symbol, lots_by_symbol : mapping
        Quotation currency and lot size of every security.
    """

    source: MarketData
    reference: ReferenceRateSource
    cost_settings: CostSettings
    currencies_by_symbol: Mapping[str, str]
    lots_by_symbol: Mapping[str, Decimal]
    currencies: Sequence[str]
    rate_age_limit: int
    pairs: tuple[CurrencyPair, ...] | None = None
    _rates: dict[date, Rates] = field(default_factory=dict)
    _closes: dict[tuple[str, date], Decimal] = field(default_factory=dict)

    def close(self, symbol: str, session: date) -> Decimal:
        """Return the last close as of a session.

        Raises
        ------
        MissingPriceError
            If there is none within fifteen days.
        """
        if (symbol, session) not in self._closes:
            bars = self.source.bars([symbol], session - _OLDEST_CLOSE, session)
            if bars.is_empty():
                raise MissingPriceError(
                    f"no price of {symbol} is known on {session}",
                    where="paper broker",
                    remedy="Choose a session inside the span of the price history.",
                )
            self._closes[symbol, session] = exact(bars.sort("session")["close"][-1])
        return self._closes[symbol, session]

    def rates(self, session: date) -> Rates:
        """Return the exchange rates of a session."""
        if session not in self._rates:
            limit = self.rate_age_limit
            fixings = self.reference.reference_rates(
                self.currencies, session - timedelta(days=limit), session
            )
            table = cross_rates(fixings, self.currencies, session, age_limit=limit)
            self._rates[session] = Rates.of(table)
        return self._rates[session]

    def costs(self, session: date) -> Costs:
        """Return the fees of a session."""
        return Costs(self.cost_settings, self.rates(session))

    def corporate_actions(
        self, commodities: Iterable[str], first: date, last: date
    ) -> pl.DataFrame:
        """Return the splits and dividends of the securities among some commodities, oldest first."""
        symbols = sorted(filter(self.is_security, set(commodities)))
        actions = self.source.corporate_actions(symbols, first, last)
        # A dividend is per share of the ex date, so a split of the same day comes before it.
        return actions.sort("ex_date", "symbol", "kind", descending=[False, False, True])

    def is_security(self, commodity: str) -> bool:
        """Say whether a commodity is a security rather than a currency."""
        return commodity in self.currencies_by_symbol

    def is_currency(self, commodity: str) -> bool:
        """Say whether a commodity is a currency with exchange rates."""
        return commodity in self.currencies

    def currency(self, symbol: str) -> str:
        """Return the quotation currency."""
        return self.currencies_by_symbol[symbol]

    def lot_size(self, symbol: str) -> Decimal:
        """Return the smallest tradable quantity."""
        return self.lots_by_symbol[symbol]
