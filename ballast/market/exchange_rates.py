"""Exchange rates: rate(from, to) is the number of units of `to` per one `from`; amount_to = amount_from × rate.

A missing rate is an error. It is never one, never yesterday's without saying so, and never a constant in the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.errors import MissingRateError
from ballast.money import ZERO, divide, multiply, to_rate
from ballast.tables import ExchangeRates, polars_schema

_EURO = "EUR"
_REMEDY = "Load reference rates for the currency or raise market_data.rate_age_limit."


def cross_rates(
    reference: pl.DataFrame, currencies: Sequence[str], session: date, *, age_limit: int
) -> pl.DataFrame:
    """Derive every pair from the newest euro fixing of each currency.

    Parameters
    ----------
    reference : pl.DataFrame
        `ReferenceRates`; rows after the session are ignored.
    currencies : sequence of str
        Currencies in use.
    age_limit : int
        Oldest usable fixing, in calendar days before the session.

    Returns
    -------
    pl.DataFrame
        `ExchangeRates` for all ordered pairs, a currency with itself included.

    Raises
    ------
    MissingRateError
        If a currency has no positive fixing within the limit.
    """
    usable = reference.filter(
        (pl.col("rate_date") <= session)
        & (pl.col("rate_date") >= session - pl.duration(days=age_limit))
        & (pl.col("per_euro") > 0)
    ).sort("currency", "rate_date")
    newest = {
        row["currency"]: (row["per_euro"], row["rate_date"])
        for row in usable.group_by("currency", maintain_order=True).last().iter_rows(named=True)
    }
    newest[_EURO] = (Decimal(1), session)
    wanted = sorted(set(currencies))
    missing = sorted(set(wanted) - set(newest))
    if missing:
        raise MissingRateError(
            f"no exchange rate for {', '.join(missing)} within {age_limit} days of {session}",
            where=f"exchange_rates {session}",
            remedy=_REMEDY,
        )
    rows = [
        {
            "from_currency": source,
            "to_currency": target,
            "rate": to_rate(newest[target][0] / newest[source][0]),
            "rate_date": min(newest[source][1], newest[target][1]),
        }
        for source in wanted
        for target in wanted
    ]
    return ExchangeRates.validate(pl.DataFrame(rows, schema=polars_schema(ExchangeRates)))


@dataclass(frozen=True)
class Rates:
    """Exchange rates of one session for scalar use."""

    by_pair: dict[tuple[str, str], Decimal]

    @classmethod
    def of(cls, table: pl.DataFrame) -> Rates:
        """Read an `ExchangeRates` frame."""
        rows = table.select("from_currency", "to_currency", "rate").iter_rows()
        return cls({(source, target): rate for source, target, rate in rows})

    @classmethod
    def by_names(cls, rates: Mapping[str, Decimal]) -> Rates:
        """Read rates by the names of their pairs: FROM/TO → units of TO per one FROM."""
        pairs = ((pair.split("/", 1), rate) for pair, rate in rates.items())
        return cls({(source, target): rate for (source, target), rate in pairs})

    def rate(self, source: str, target: str) -> Decimal:
        """Return units of target per one source.

        Raises
        ------
        MissingRateError
            If the pair is unknown.
        """
        if source == target:
            return Decimal(1)
        try:
            return self.by_pair[source, target]
        except KeyError:
            raise MissingRateError(
                f"no exchange rate from {source} to {target}",
                where="exchange_rates",
                remedy=_REMEDY,
            ) from None

    def convert(self, amount: Decimal, source: str, target: str) -> Decimal:
        """Convert an amount, to eight decimals."""
        if amount == ZERO or source == target:
            return amount
        return multiply(amount, self.rate(source, target))

    def needed(self, amount: Decimal, target: str, source: str) -> Decimal:
        """Return how much of source buys an amount of target."""
        return divide(amount, self.rate(source, target))
