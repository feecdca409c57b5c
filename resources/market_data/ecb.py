"""Euro reference rates of the European Central Bank, from its published history.

Invariants: a rate is the published text, never a float; a day without a fixing is a missing row,
never a rate of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from lzma import LZMAError
from zipfile import BadZipFile, ZipFile
from zlib import error as DeflateError  # noqa: N812

import httpx
import polars as pl
from dataframely.exc import ValidationError

from ballast.errors import MarketDataError
from ballast.money import RATE
from ballast.tables import ReferenceRates

_EURO = "EUR"
_ARCHIVE = "eurofxref-hist.zip"
_TABLE = "eurofxref-hist.csv"
_UNPUBLISHED = "N/A"

# What escapes from the reader of archives, depending on the byte that is damaged.
_BREAKAGES = (
    BadZipFile, DeflateError, LZMAError, EOFError, LookupError, OSError, RuntimeError, ValueError,
)  # fmt: skip


class EcbReferenceRates:
    """Reference rates from the archive of all fixings since 1999.

    Parameters
    ----------
    base_url : str
        Where the archive lies, without a trailing slash.
    timeout : float
        Seconds to wait for a connection or for more of the answer.
    """

    def __init__(
        self,
        *,
        base_url: str = "https://www.ecb.europa.eu/stats/eurofxref",
        timeout: float = 30.0,
    ) -> None:
        self._address = f"{base_url}/{_ARCHIVE}"
        self._timeout = timeout

    def reference_rates(self, currencies: Sequence[str], first: date, last: date) -> pl.DataFrame:
        """Return the fixings from first to last; days and currencies without one have no row.

        Raises
        ------
        MarketDataError
            If the archive cannot be fetched or read, or does not know one of the currencies.
        """
        wanted = sorted(set(currencies) - {_EURO})
        if not wanted:
            return ReferenceRates.create_empty()
        published = self._read(self._fetch())
        unknown = sorted(set(wanted) - set(published.columns))
        if unknown:
            raise self._failure(f"the archive has no rates of {unknown}")
        try:
            rates = (
                published.select(pl.col("Date").str.to_date("%Y-%m-%d").alias("rate_date"), *wanted)
                .filter(pl.col("rate_date").is_between(first, last))
                .unpivot(index="rate_date", variable_name="currency", value_name="per_euro")
                .with_columns(pl.col("per_euro").str.strip_chars())
                .filter(pl.col("per_euro") != _UNPUBLISHED)
                .with_columns(pl.col("per_euro").cast(RATE))
            )
            return ReferenceRates.validate(rates.sort("rate_date", "currency"), cast=True)
        except (pl.exceptions.PolarsError, ValidationError) as error:
            raise self._failure(f"the archive holds an impossible rate: {error}") from error

    def _fetch(self) -> bytes:
        try:
            answer = httpx.get(self._address, timeout=self._timeout, follow_redirects=True)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise self._failure(f"{type(error).__name__}: {error}") from error
        return answer.content

    def _read(self, archive: bytes) -> pl.DataFrame:
        try:
            with ZipFile(BytesIO(archive)) as opened:
                table = opened.read(_TABLE)
            # As text, because a float would change the published digits.
            published = pl.read_csv(table, infer_schema=False)
        except _BREAKAGES as error:
            raise self._failure(f"the archive is broken: {error}") from error
        except pl.exceptions.PolarsError as error:
            raise self._failure(f"the table in the archive is broken: {error}") from error
        if "Date" not in published.columns or published.is_empty():
            raise self._failure("the table in the archive has no fixings")
        return published.rename(str.strip)

    def _failure(self, what: str) -> MarketDataError:
        return MarketDataError(
            f"The European Central Bank gave no usable rates: {what}",
            where=f"market_data.exchange_rates = ecb, {self._address}",
            remedy="Run again later, or use market_data.exchange_rates = 'recorded'.",
        )
