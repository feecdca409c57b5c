"""What a statement says, whichever format it came in.

A section that the statement does not have is None; one that it has without rows is an empty tuple.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from ballast.books.broker_events import BrokerEvent

StatementFormat = Literal["activity", "flex"]


@dataclass(frozen=True)
class ClosingPosition:
    """What the account held at the end of the period; short positions are negative."""

    symbol: str
    asset_category: str
    currency: str
    quantity: Decimal
    cost_basis: Decimal | None
    close_price: Decimal | None
    value: Decimal | None


@dataclass(frozen=True)
class OpenLot:
    """One lot of a closing position, by the broker's own matching."""

    symbol: str
    currency: str
    opened_at: datetime
    quantity: Decimal
    cost_basis: Decimal


@dataclass(frozen=True)
class ClosedLot:
    """One lot that a trade closed, by the broker's own matching.

    Parameters
    ----------
    fill_id : str or None
        The trade that closed it, where the statement tells.
    """

    symbol: str
    currency: str
    fill_id: str | None
    opened_at: datetime
    quantity: Decimal
    cost_basis: Decimal
    realised: Decimal | None
    codes: tuple[str, ...]


@dataclass(frozen=True)
class StatedTrade:
    """A trade as the statement prices it, for comparison with our own books; amounts are signed as stated."""

    event_id: str
    symbol: str
    asset_category: str
    currency: str
    proceeds: Decimal
    fee: Decimal
    basis: Decimal | None
    realised: Decimal | None
    codes: tuple[str, ...]


@dataclass(frozen=True)
class CashBalance:
    """Cash of one currency over the period, with each line that moved it."""

    currency: str
    starting: Decimal
    movements: tuple[tuple[str, Decimal], ...]
    ending: Decimal
    ending_settled: Decimal | None = None


@dataclass(frozen=True)
class NetAssetValue:
    """Value by asset class in base currency; the total is the broker's own."""

    classes: tuple[tuple[str, Decimal], ...]
    total: Decimal | None
    time_weighted_return: Decimal | None = None


@dataclass(frozen=True)
class ChangeInNav:
    """How the value at the start became the value at the end, in base currency."""

    starting: Decimal
    components: tuple[tuple[str, Decimal], ...]
    ending: Decimal


@dataclass(frozen=True)
class ExchangeRate:
    """Units of base currency per one unit of `currency` at the end of the period."""

    currency: str
    rate: Decimal


@dataclass(frozen=True)
class Instrument:
    """What the statement says about a security."""

    symbol: str
    asset_category: str
    description: str | None
    currency: str | None
    exchange: str | None
    multiplier: Decimal | None
    isin: str | None
    conid: str | None


@dataclass(frozen=True)
class StatedTotal:
    """A total of the statement beside the sum of the rows above it."""

    section: str
    subject: str
    measure: str
    stated: Decimal
    summed: Decimal


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that could not be used, with the rule that it breaks."""

    line: int
    section: str
    rule: str
    text: str


@dataclass(frozen=True)
class StatementWarning:
    """Something that a person should know although the statement is usable."""

    rule: str
    subject: str
    text: str


@dataclass(frozen=True)
class RowCounts:
    """Where the rows of a statement went; each is in exactly one place.

    Parameters
    ----------
    skipped, ignored : tuple of (str, int)
        Rows by reason, and rows by the name of a section that is not read.
    """

    read: int
    imported: int
    check_sums: int
    skipped: tuple[tuple[str, int], ...]
    ignored: tuple[tuple[str, int], ...]
    quarantined: int

    @property
    def adds_up(self) -> bool:
        """Whether no row vanished and none was counted twice."""
        elsewhere = sum(count for _, count in (*self.skipped, *self.ignored))
        return self.read == self.imported + self.check_sums + self.quarantined + elsewhere


@dataclass(frozen=True)
class Statement:
    """One account over one period, from one file.

    Parameters
    ----------
    account_id : str
        Our name of the account; `broker_account` is the broker's number.
    sections : tuple of str
        Sections that the file has and that are read, with or without rows, by the broker's names.
    cash, cash_in_base : optional
        Balances by currency, and the broker's sum of them in base currency.
    """

    file_name: str
    format: StatementFormat
    broker_account: str
    account_id: str
    base_currency: str
    first_day: date
    last_day: date
    generated_at: datetime | None
    sections: tuple[str, ...]
    events: tuple[BrokerEvent, ...]
    trades: tuple[StatedTrade, ...]
    positions: tuple[ClosingPosition, ...] | None
    open_lots: tuple[OpenLot, ...] | None
    closed_lots: tuple[ClosedLot, ...] | None
    cash: tuple[CashBalance, ...] | None
    cash_in_base: CashBalance | None
    net_asset_value: NetAssetValue | None
    change_in_nav: ChangeInNav | None
    exchange_rates: tuple[ExchangeRate, ...] | None
    instruments: tuple[Instrument, ...] | None
    totals: tuple[StatedTotal, ...]
    counts: RowCounts
    quarantined: tuple[QuarantinedRow, ...]
    warnings: tuple[StatementWarning, ...]
